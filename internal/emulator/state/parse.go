package state

import (
	"fmt"
	"io/fs"

	"strongroom/internal/emulator/faults"
	"strongroom/internal/fault"
)

// Parse reads and checks a document. Files it names are read from beside, which may be nil: such a document is then
// refused. Every problem is told at once, as Invalid with the field's path for a subject.
func Parse(data []byte, beside fs.FS) (Document, error) {
	var d Document
	problems := decode(data, &d, "")
	if len(problems) > 0 { // checks on half a document would only repeat what is known
		return Document{}, problems.AsError()
	}
	problems = append(problems, d.readFiles(beside)...)
	problems = append(problems, d.check()...)
	return d, problems.AsError()
}

// ParseFaults reads a list of faults as YAML or JSON, for the control endpoint.
func ParseFaults(data []byte) ([]faults.Fault, error) {
	var list []faults.Fault
	problems := decode(data, &list, "faults")
	if len(problems) == 0 {
		problems = checkFaults(list)
	}
	return list, problems.AsError()
}

func (d *Document) readFiles(beside fs.FS) fault.List {
	var problems fault.List
	for i := range d.Issuers {
		issuer := &d.Issuers[i]
		path := fmt.Sprintf("issuers[%d].jwksFile", i)
		switch {
		case issuer.JWKSFile == "":
			continue
		case issuer.JWKS != "":
			problems = append(problems, fault.New(fault.Invalid, path, "goes not together with jwks"))
			continue
		case beside == nil:
			problems = append(problems, fault.New(fault.Invalid, path, "files cannot be read here; give jwks inline"))
			continue
		}
		text, err := fs.ReadFile(beside, issuer.JWKSFile)
		if err != nil {
			problems = append(problems, fault.Wrap(err, fault.Invalid, path, "cannot be read").
				Mend("name a file in the document's own folder, without a leading slash"))
		}
		issuer.JWKS = string(text)
	}
	return problems
}

func checkFaults(list []faults.Fault) fault.List {
	var problems fault.List
	for i, f := range list {
		for _, p := range f.Check() {
			path := fmt.Sprintf("faults[%d]", i)
			if p.Subject != "" {
				path += "." + p.Subject
			}
			p.Subject = path
			problems = append(problems, p)
		}
	}
	return problems
}
