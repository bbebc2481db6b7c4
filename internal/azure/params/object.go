package params

import (
	"fmt"
	"io/fs"
	"math"
	"strconv"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/form"
	"strongroom/internal/material"
	"strongroom/internal/secret"
)

// objectReader reads one object's fields; it knows what to call the object in messages.
type objectReader struct {
	*decoder
	fields
	index int
}

func (d *decoder) object(index int, f fields) Object {
	r := objectReader{d, f, index}
	kind := r.kind()
	o := Object{
		Object:   secret.Object{Kind: kind, Name: r.name(), Version: r.version()},
		Format:   r.format(kind),
		Encoding: r.encoding(kind),
		Mode:     r.mode(),
		History:  r.history(),
		Optional: r.optional(),
	}
	o.Path = r.path()
	return o
}

// wrong records a problem with a field. The cause stands where people and scripts have always found it, after what
// was asked for.
func (r objectReader) wrong(field, format string, args ...any) *fault.Error {
	return r.problem(r.subject(field), "failed to get objectType:%s, objectName:%s, objectVersion:%s: %s",
		fault.Shorten(r.known[fieldType]), fault.Shorten(r.known[fieldName]), fault.Shorten(r.known[fieldVersion]), fmt.Sprintf(format, args...))
}

// subject is the field with its place and, for people, the object: objects[2].objectFormat (secret/foo).
func (r objectReader) subject(field string) string {
	return fmt.Sprintf("objects[%d].%s (%s/%s)", r.index, field, fault.Shorten(r.known[fieldType]), fault.Shorten(r.known[fieldName]))
}

// misspelt is the remedy for a field that is missing: the field that was probably meant to be it, else an example.
func (r objectReader) misspelt(field, example string) string {
	for _, name := range r.unknown {
		if r.known[field] == "" && nearest(name, []string{field}) != "" {
			return fmt.Sprintf("write %s instead of %s", field, fault.Shorten(name))
		}
	}
	return example
}

// kind is told in any case; upstream of the first call, where a typo costs nothing.
func (r objectReader) kind() secret.Kind {
	for _, kind := range []secret.Kind{secret.Secret, secret.Key, secret.Certificate} {
		if strings.EqualFold(r.known[fieldType], string(kind)) {
			return kind
		}
	}
	r.wrong(fieldType, "Invalid vaultObjectTypes. Should be secret, key, or cert").
		Mend("%s", r.misspelt(fieldType, "objectType: secret"))
	return ""
}

var (
	vaultObjectName    = form.UpTo(127, `^[0-9A-Za-z-]+$`)
	vaultObjectVersion = form.UpTo(127, `^[0-9A-Za-z-]+$`)
)

func (r objectReader) name() string {
	name := r.known[fieldName]
	switch {
	case name == "" && r.known[fieldAlias] == "":
		r.wrong(fieldName, "objectName is not set, and file name must not be empty").
			Mend("%s", r.misspelt(fieldName, "objectName: my-secret"))
	case name == "":
		r.wrong(fieldName, "objectName is not set").Mend("%s", r.misspelt(fieldName, "objectName: my-secret"))
	case !vaultObjectName.MatchString(name):
		r.wrong(fieldName, "%q is not a name a vault can hold: up to 127 letters, digits and dashes", fault.Shorten(name)).
			Mend("give the object's name alone, and the file's name as objectAlias")
	}
	return name
}

// version is empty for the latest, which may also be written out.
func (r objectReader) version() string {
	version := r.known[fieldVersion]
	switch {
	case version == "", strings.EqualFold(version, "latest"):
		return ""
	case !vaultObjectVersion.MatchString(version):
		r.wrong(fieldVersion, "%q is not a version id", fault.Shorten(version)).Mend(`objectVersion: ""`)
	}
	return version
}

func (r objectReader) format(kind secret.Kind) material.Format {
	text := r.known[fieldFormat]
	switch own, named := formatsOf[kind], material.Format(strings.ToLower(text)); {
	case text == "", strings.EqualFold(text, string(material.PEM)):
	case own == named && named != "":
		return own
	case !strings.EqualFold(text, string(material.PFX)):
		r.wrong(fieldFormat, "invalid objectFormat: %s, should be PEM or PFX", fault.Shorten(text)).Mend("objectFormat: pem")
	case kind != secret.Secret && kind != "":
		r.wrong(fieldFormat, "PFX format only supported for objectType: secret").
			Mend("objectType: secret gives the certificate with its key")
	default:
		return material.PFX
	}
	return material.PEM
}

// formatsOf is the one format of each kind of object that is its alone, besides PFX.
var formatsOf = map[secret.Kind]material.Format{
	secret.Secret: material.Raw, secret.Key: material.Modulus, secret.Certificate: material.DER,
}

func (r objectReader) encoding(kind secret.Kind) material.Encoding {
	text := r.known[fieldEncoding]
	if text == "" {
		return material.UTF8
	}
	if kind != secret.Secret && kind != "" {
		r.wrong(fieldEncoding, "objectEncoding only supported for objectType: secret").Mend("remove objectEncoding")
		return material.UTF8
	}
	for _, encoding := range []material.Encoding{material.UTF8, material.Hex, material.Base64} {
		if strings.EqualFold(text, string(encoding)) {
			return encoding
		}
	}
	r.wrong(fieldEncoding, "invalid objectEncoding: %s, should be hex, base64 or utf-8", fault.Shorten(text)).
		Mend("objectEncoding: base64")
	return material.UTF8
}

// mode is the permission in octal. A typo is a problem: as a mode of 0 it would lock the pod out of its own file.
func (r objectReader) mode() fs.FileMode {
	text := r.known[fieldPermission]
	if text == "" {
		return r.in.Mode
	}
	digits := strings.TrimPrefix(text, "0o")
	mode, err := strconv.ParseUint(digits, 8, 32)
	if err != nil || mode > 0o777 {
		r.wrong(fieldPermission, "invalid filePermission: %q, should be an octal number up to 0777", fault.Shorten(text)).
			Mend(`filePermission: "0400"`)
		return r.in.Mode
	}
	return fs.FileMode(mode)
}

// history is how many versions; one or fewer is the object itself. A number no vault holds is cut rather than
// refused: people write a large one to mean all.
func (r objectReader) history() int {
	text := r.known[fieldHistory]
	if text == "" {
		return 0
	}
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil || n > math.MaxInt32:
		r.wrong(fieldHistory, "objectVersionHistory is not a whole number: %q", fault.Shorten(text)).Mend("objectVersionHistory: 3")
		return 0
	case n <= 1:
		return 0
	case n > maxHistory:
		r.note("%s: at most %d versions are written", r.subject(fieldHistory), maxHistory)
		return maxHistory
	}
	return int(n)
}

func (r objectReader) optional() bool {
	text := r.known[fieldOptional]
	if text == "" {
		return false
	}
	optional, err := strconv.ParseBool(text)
	if err != nil {
		r.wrong(fieldOptional, "is neither true nor false: %q", fault.Shorten(text)).Mend(`optional: "true"`)
	}
	return optional
}

// path is the alias, or the name.
func (r objectReader) path() string {
	field, path := fieldAlias, r.known[fieldAlias]
	if path == "" {
		field, path = fieldName, r.known[fieldName]
	}
	if field == fieldName && !vaultObjectName.MatchString(path) {
		return path // told already, as a name
	}
	if cause := pathProblem(path); cause != "" {
		r.wrong(field, "%s", cause).Mend("objectAlias: my-file")
	}
	return path
}
