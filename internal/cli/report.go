package cli

import (
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"
	"time"

	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/publish"
)

// shownFile is a file of a volume as people and programs are told of it: never its content.
type shownFile struct {
	Path  string `json:"path"`
	Mode  string `json:"mode"`
	Bytes int64  `json:"bytes"`
}

// onDisk lists the files that a mounted target shows.
func onDisk(target string) (files []shownFile, _ error) {
	root, err := filepath.EvalSymlinks(filepath.Join(target, "..data"))
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, target, "cannot be listed")
	}
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		files = append(files, shownFile{Path: filepath.ToSlash(name), Mode: fmt.Sprintf("%04o", info.Mode().Perm()), Bytes: info.Size()})
		return err
	})
	return files, err
}

// row prints one line of a report; an empty text prints none.
func row(w io.Writer, name, text string) {
	if text != "" {
		fmt.Fprintf(w, "  %-9s %s\n", name, text)
	}
}

// printReport tells a person everything that was decided for a volume and what came of it.
func printReport(w io.Writer, o outcome, files []shownFile) {
	row(w, "class", fmt.Sprintf("%s, for pod %s", o.ClassName, o.Pod))
	printIdentity(w, o)
	row(w, "token", tokenLine(o.Report))
	row(w, "vault", o.Report.Vault)
	printObjects(w, o.Report.Objects, files)
	for _, note := range o.Report.Notes {
		row(w, "note", note)
	}
	row(w, "cost", costLine(o.Record))
}

func printIdentity(w io.Writer, o outcome) {
	row(w, "identity", o.Report.Identity)
	row(w, "because", o.Report.Why)
	row(w, "stand-in", o.standIn)
}

// printObjects tells of each object, in the manifest's order: the files it became, or what became of it instead.
func printObjects(w io.Writer, objects []provider.Outcome, files []shownFile) {
	byPath, width := map[string]shownFile{}, 10
	for _, file := range files {
		byPath[file.Path] = file
		width = max(width, len(file.Path))
	}
	for _, object := range objects {
		width = max(width, len(object.Object))
	}
	width = min(width, 40)
	for i, object := range objects {
		shown := 0
		for _, path := range object.Files {
			if file, ok := byPath[path]; ok {
				row(w, "file", fmt.Sprintf("%-*s  %6d bytes  %s  %s", width, file.Path, file.Bytes, file.Mode, source(object)))
				shown++
			}
		}
		if shown == 0 {
			row(w, "object", fmt.Sprintf("%-*s  %s", width, object.Object, fate(object)))
		}
		if i+1 == len(objects) || why(objects[i+1]) != why(object) {
			printWhy(w, object) // one refused token fails every object: say so once
		}
		for _, note := range object.Notes {
			row(w, "", "  note: "+note)
		}
	}
}

// why is an object's error without its name, and empty where the fate says it all: an optional object is absent.
func why(o provider.Outcome) string {
	if o.State == provider.Missing && o.Kind == fault.NotFound.String() {
		return ""
	}
	return strings.TrimPrefix(o.Error, o.Object+": ")
}

func printWhy(w io.Writer, o provider.Outcome) {
	text := why(o)
	if text == "" {
		return
	}
	row(w, "", "  "+text)
	if o.Remedy != "" {
		row(w, "", "  to mend: "+o.Remedy)
	}
}

// source is where a file's content came from.
func source(o provider.Outcome) string {
	line := o.Object + " version " + o.Version
	if o.State == provider.Stale {
		line += fmt.Sprintf(", last known good of %s ago", o.Age.Round(10*time.Millisecond))
	}
	return line
}

// fate is what became of an object that became no file here.
func fate(o provider.Outcome) string {
	switch o.State {
	case provider.Missing:
		return "absent, and optional"
	case provider.Failed:
		return "failed (" + o.Kind + ")"
	}
	return string(o.State) + ", version " + o.Version
}

func tokenLine(report provider.Report) string {
	if report.Authority == "" {
		return ""
	}
	line := fmt.Sprintf("for %s from %s", report.Resource, report.Authority)
	if report.Audience != "" {
		line += ", in exchange for a service account token of audience " + report.Audience
	}
	return line
}

func costLine(r publish.Record) string {
	calls := r.Report.Calls
	line := fmt.Sprintf("%d token + %d vault calls", calls.Token, calls.Vault)
	if calls.Shared > 0 {
		line += fmt.Sprintf(", %d shared", calls.Shared)
	}
	return line + fmt.Sprintf(", %.1f ms", float64(r.Took.Microseconds())/1000)
}

// brief is the error of a volume whose report has been printed: which objects, not why again.
func brief(o outcome, err error) error {
	var failed []string
	for _, object := range o.Report.Objects {
		if object.State == provider.Failed {
			failed = append(failed, object.Object+" ("+object.Kind+")")
		}
	}
	if err == nil || len(failed) == 0 {
		return err
	}
	const enough = 5
	count, more := len(failed), ""
	if count > enough {
		failed, more = failed[:enough], fmt.Sprintf(" and %d more", count-enough)
	}
	return fault.New(fault.KindOf(err), "", "%d of %d objects failed: %s%s", count, len(o.Report.Objects), strings.Join(failed, ", "), more)
}
