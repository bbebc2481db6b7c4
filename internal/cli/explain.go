package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/secret"
	"strongroom/internal/volume"
)

// runExplain walks the driver's own path to its last step, and tells instead of writing.
func runExplain(ctx context.Context, p Process) error {
	set := flags(p, "explain", "explain -f FILE [flags]")
	once := onceFlags(set, p)
	output := set.String("o", "text", "`format`: text or json")
	if err := parse(set, p, false); err != nil {
		return err
	}
	if *output != "text" && *output != "json" {
		return errUsage{errors.New("-o is text or json")}
	}
	would := &wouldWrite{}
	o, err := once.run(ctx, "/mnt/secrets-store", would)
	switch {
	case o.ClassName == "":
		return err // nothing was decided yet
	case *output == "json":
		return errors.Join(brief(o, err), printJSON(p.Stdout, explained(o, would.shown(), err)))
	case !o.decided():
		return err
	}
	printReport(p.Stdout, o, would.shown())
	return brief(o, err)
}

// explanation is explain's JSON. Fields are added, never renamed.
type explanation struct {
	Class    string          `json:"class"`
	Provider string          `json:"provider"`
	Pod      string          `json:"pod"`
	StandIn  string          `json:"standIn,omitempty"` // what plays a part of the cluster
	Report   provider.Report `json:"report"`
	Files    []shownFile     `json:"files"`
	Kind     string          `json:"kind,omitempty"` // of the failure
	Error    string          `json:"error,omitempty"`
	Remedies []string        `json:"remedies,omitempty"`
}

func explained(o outcome, files []shownFile, err error) explanation {
	e := explanation{Class: o.ClassName, Provider: o.Provider, Pod: o.Pod.String(), StandIn: o.standIn, Report: o.Report, Files: files}
	if err != nil {
		e.Kind, e.Error, e.Remedies = fault.KindOf(err).String(), err.Error(), fault.Remedies(err)
	}
	return e
}

// printJSON leaves <, > and & as they are: remedies are commands to copy.
func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// wouldWrite is a target that remembers what it was to hold, and checks it as a real one would.
type wouldWrite struct {
	mu    sync.Mutex
	files []secret.File
}

// shown lists what it was to hold; never nil.
func (w *wouldWrite) shown() []shownFile {
	w.mu.Lock()
	defer w.mu.Unlock()
	files := []shownFile{}
	for _, file := range w.files {
		files = append(files, shownFile{Path: file.Path, Mode: fmt.Sprintf("%04o", file.Mode), Bytes: int64(file.Contents.Len())})
	}
	return files
}

func (w *wouldWrite) Inspect(string) (volume.State, error)   { return volume.State{}, nil }
func (w *wouldWrite) Ensure(string) (volume.State, error)    { return volume.State{}, nil }
func (w *wouldWrite) Remove(string) error                    { return nil }
func (w *wouldWrite) Names(string) (names []string, _ error) { return nil, nil }

// Read gives nothing: there is nothing at the target.
func (w *wouldWrite) Read(string) ([]secret.File, error) { return nil, nil }

func (w *wouldWrite) Write(_ string, files []secret.File, _ *int) (change volume.Change, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.files = files
	for _, file := range files {
		change.Added = append(change.Added, file.Path)
	}
	change.Changed = true
	return change, nil
}
