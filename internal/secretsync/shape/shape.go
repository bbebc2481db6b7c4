// Package shape turns mounted files into the content of a Kubernetes Secret, as one entry of a class's secretObjects asks
// for. It is pure: files in, values out. What the API server would refuse it refuses first, and says what is missing.
//
// Errors are of kind Invalid: only an edit of the class, or other content in the store, helps. They name the Secret's
// entry, objects and keys, and never a value.
package shape

import (
	"path"
	"strings"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Made is the part of a Secret that a class decides.
type Made struct {
	Name        string
	Type        string
	Labels      map[string]string // the class's alone
	Annotations map[string]string // likewise
	Data        map[string]secret.Value
}

// maxSize is the most the values of one Secret may come to, a rule of the Kubernetes API.
const maxSize = 1 << 20

// Make makes what an entry asks for of the files a pod has mounted. White space around names, keys and types is no part
// of them; an empty type is Opaque.
func Make(object secretsstore.SecretObject, files []secret.File) (Made, error) {
	made, err := Check(object)
	if err != nil {
		return Made{}, err
	}
	made.Data = make(map[string]secret.Value, len(object.Data))
	for _, d := range object.Data {
		name, key := strings.TrimSpace(d.ObjectName), strings.TrimSpace(d.Key)
		content, found := find(files, name)
		if !found {
			return Made{}, notFound(name, files)
		}
		value, err := valueOf(made.Type, key, content)
		if err != nil {
			return Made{}, fault.Wrap(err, fault.Invalid, "", "object %q for key %s", fault.Shorten(name), key)
		}
		made.Data[key] = value
	}
	if err := complete(made); err != nil {
		return Made{}, err
	}
	return made, fits(made)
}

// Check judges an entry before any file is read, and gives what it says without them: all but Data. The texts are what
// people's alerts match on.
func Check(object secretsstore.SecretObject) (Made, error) {
	made := Made{
		Name: strings.TrimSpace(object.SecretName), Type: strings.TrimSpace(object.Type),
		Labels: object.Labels, Annotations: object.Annotations,
	}
	if made.Type == "" {
		made.Type = Opaque
	}
	switch {
	case made.Name == "":
		return made, fault.New(fault.Invalid, "", "secret name is empty").Mend("set secretName")
	case !isName(made.Name):
		return made, fault.New(fault.Invalid, "secretName", "%q is no name of a Kubernetes object", fault.Shorten(made.Name)).
			Mend("use lower case letters, digits, '-' and '.'")
	case len(object.Data) == 0:
		return made, fault.New(fault.Invalid, "", "data is empty").Mend("list at least one objectName and key under data")
	}
	given := map[string]bool{}
	for _, d := range object.Data {
		key := strings.TrimSpace(d.Key)
		if err := checkData(made.Type, strings.TrimSpace(d.ObjectName), key); err != nil {
			return made, err
		}
		if given[key] {
			return made, fault.New(fault.Invalid, "", "key %s is given twice", fault.Shorten(key)).
				Mend("one key holds one object: name another key, or take one of the two away")
		}
		given[key] = true
	}
	return made, nil
}

func checkData(secretType, object, key string) error {
	switch {
	case object == "":
		return fault.New(fault.Invalid, "", "object name in secretObjects.data is empty").Mend("set objectName to a file of the volume")
	case key == "":
		return fault.New(fault.Invalid, "", "key in secretObjects.data is empty").Mend("set key for object %s", fault.Shorten(object))
	case !isKey(key):
		return fault.New(fault.Invalid, "secretObjects.data", "%q is no key of a Secret", fault.Shorten(key)).
			Mend("use letters, digits, '-', '_' and '.'")
	case secretType == TLS && key != tlsCrt && key != tlsKey && key != caCrt:
		return fault.New(fault.Invalid, "", "key '%s' is not supported. Only 'tls.key', 'tls.crt' and 'ca.crt' are supported", fault.Shorten(key)).
			Mend("use one of these keys, or leave the type %s", TLS)
	}
	return nil
}

// find looks a file up by its path; on Windows people write paths with backslashes.
func find(files []secret.File, name string) (secret.Value, bool) {
	wanted := slashed(name)
	for _, f := range files {
		if slashed(f.Path) == wanted {
			return f.Contents, true
		}
	}
	return secret.Value{}, false
}

func slashed(name string) string { return path.Clean(strings.ReplaceAll(name, `\`, "/")) }

// notFound lists what there is, as far as one can take in at a glance.
func notFound(name string, files []secret.File) error {
	e := fault.New(fault.Invalid, "", "file matching objectName %s not found in the pod", fault.Shorten(name))
	const few = 12
	paths := make([]string, 0, few)
	for _, f := range files[:min(len(files), few)] {
		paths = append(paths, fault.Shorten(f.Path))
	}
	there := strings.Join(paths, ", ")
	if len(files) > few {
		there += ", ..."
	}
	return e.Mend("objectName is a file of the volume: an object's objectAlias, or its objectName without one; there are %s", there)
}

func fits(made Made) error {
	size := 0
	for _, value := range made.Data {
		size += value.Len()
	}
	if size > maxSize {
		return fault.New(fault.Invalid, "", "its data is %d bytes, and a Kubernetes Secret holds at most 1 MiB (%d bytes)", size, maxSize).
			Mend("spread the objects over several entries of secretObjects")
	}
	return nil
}

const lower = "abcdefghijklmnopqrstuvwxyz0123456789"

// isName follows the rule for names of objects: dots between parts that begin and end with a letter or digit.
func isName(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || part != strings.Trim(part, "-") || !only(part, lower+"-") {
			return false
		}
	}
	return len(s) <= 253
}

// isKey follows the rule for keys of a Secret.
func isKey(s string) bool {
	return len(s) <= 253 && s != "." && !strings.HasPrefix(s, "..") && only(s, lower+"ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.")
}

func only(s, letters string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(letters, r) }) < 0
}
