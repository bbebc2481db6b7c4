package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"strongroom/api/secretsstore"
	"strongroom/internal/azure/cloud"
	"strongroom/internal/fault"
	"strongroom/internal/manifest"
)

// runCheck validates classes without a cluster and without Azure: what a pull request can be held against.
func runCheck(_ context.Context, p Process) error {
	set := flags(p, "check", "check [flags] FILE|DIRECTORY ...")
	quiet := set.Bool("quiet", false, "print problems only")
	defaultCloud := set.String("cloud-name", cloud.Public, "`cloud` of classes that name none")
	split := set.Bool("write-cert-and-key-in-separate-files", false, "check file names as the provider's flag of this name makes them")
	if err := parse(set, p, true); err != nil {
		return err
	}
	if set.NArg() == 0 {
		return errUsage{errors.New("name at least one file or directory")}
	}
	files, err := manifestFiles(set.Args())
	if err != nil {
		return err
	}
	checker := checker{cloud: *defaultCloud, split: *split, quiet: *quiet, p: p}
	for _, file := range files {
		checker.file(file)
	}
	return checker.verdict(len(files))
}

type checker struct {
	cloud        string
	split, quiet bool
	p            Process
	classes      int
	problems     fault.List
}

func (c *checker) file(path string) {
	classes, err := manifest.ReadFile(path)
	c.add(path, path, err)
	for _, class := range classes {
		c.classes++
		notes, err := c.class(class)
		_, _, interval := secretsstore.RotationOf(class.Spec.Parameters) // the driver's part, whoever provides
		c.add(path, path+" "+class.Metadata.Name, err)
		c.add(path, path+" "+class.Metadata.Name, interval)
		for _, note := range notes {
			fmt.Fprintf(c.p.Stdout, "note  %s %s: %s\n", path, class.Metadata.Name, note)
		}
		if err == nil && interval == nil && !c.quiet {
			fmt.Fprintf(c.p.Stdout, "ok    %s %s\n", path, class.Metadata.Name)
		}
	}
}

// class checks what the Azure provider would; another provider's parameters are its own affair.
func (c *checker) class(class secretsstore.Class) (notes []string, err error) {
	if class.Spec.Provider != providerName {
		return []string{fmt.Sprintf("provider %q is not ours; its parameters were not looked at", class.Spec.Provider)}, nil
	}
	request, err := decodeWithStandIns(class, c.cloud, c.split)
	return request.Notes, err
}

// add tells each problem of a file or of a class in it, by the line where the problem knows its own.
func (c *checker) add(path, subject string, err error) {
	if err == nil {
		return
	}
	for _, problem := range each(err) {
		text := problem.Error()
		if !strings.HasPrefix(text, path) {
			text = subject + ": " + text
		}
		fmt.Fprintf(c.p.Stdout, "wrong %s\n", text)
		for _, remedy := range fault.Remedies(problem) {
			fmt.Fprintf(c.p.Stdout, "      to mend: %s\n", remedy)
		}
		var known *fault.Error
		if !errors.As(problem, &known) {
			known = fault.Wrap(problem, fault.Internal, subject, "cannot be checked")
		}
		c.problems = append(c.problems, known)
	}
}

func (c *checker) verdict(files int) error {
	if len(c.problems) > 0 {
		return fault.New(c.problems.Kind(), "", "%s in %s of %s", many(len(c.problems), "problem"), many(c.classes, "class"), many(files, "file"))
	}
	if c.classes == 0 {
		return fault.New(fault.NotFound, "", "no %s in %s", secretsstore.KindClass, many(files, "file"))
	}
	return nil
}

// many counts things in words.
func many(n int, thing string) string {
	switch {
	case n == 1:
		return "1 " + thing
	case strings.HasSuffix(thing, "s"):
		return fmt.Sprintf("%d %ses", n, thing)
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// manifestFiles lists the files themselves and every YAML file below the directories.
func manifestFiles(args []string) ([]string, error) {
	var files []string
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, fault.Wrap(err, fault.NotFound, arg, "cannot be read")
		}
		if !info.IsDir() {
			files = append(files, arg)
			continue
		}
		err = filepath.WalkDir(arg, func(path string, entry fs.DirEntry, err error) error {
			if ext := filepath.Ext(path); err == nil && !entry.IsDir() && (ext == ".yaml" || ext == ".yml") {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, arg, "cannot be listed")
		}
	}
	return files, nil
}
