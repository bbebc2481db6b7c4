package flexvolume

import (
	"fmt"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Object is one object of a volume and the file it becomes.
type Object struct {
	secret.Object
	File   string // a name, not a path
	Format string // an objectFormat of a SecretProviderClass; empty is the default
}

// kinds are the types as the original spelled them.
var kinds = []secret.Kind{secret.Secret, secret.Key, secret.Certificate}

// objects reads the lists. The singular spellings count only where there is no keyvaultobjectnames, and then together.
func (r *reader) objects() []Object {
	names, types, versions := optNames, optTypes, optVersions
	if r.options[optNames] == "" && r.options[optOldName] != "" {
		names, types, versions = optOldName, optOldType, optOldVersion
	}
	keyFormat, certFormat := r.oneOf(optKeyFormat, "pem", "modulus"), r.oneOf(optCertFormat, "der", "pem")
	if r.required(names, "my-secret") == "" || r.required(types, "secret") == "" {
		return nil
	}
	list := items(r.options[names])
	if len(list) > mostObjects {
		r.wrong(names, "it lists %d objects, and at most %d can be mounted", len(list), mostObjects).Mend("use several volumes")
		return nil
	}
	before := len(r.problems)
	typed, pinned, files := r.column(types, list, names), r.column(versions, list, names), r.column(optAliases, list, names)
	if len(r.problems) > before {
		return nil // whose item is whose is not known
	}
	objects := make([]Object, len(list))
	for i, name := range list {
		o := Object{Object: secret.Object{Kind: r.kind(types, i, typed[i]), Name: name, Version: pinned[i]}, File: files[i]}
		o.Format = map[secret.Kind]string{secret.Secret: "raw", secret.Key: keyFormat, secret.Certificate: certFormat}[o.Kind]
		if name == "" {
			r.wrong(names, "item %d is empty", i+1)
		}
		objects[i] = o
	}
	r.name(objects)
	return objects
}

// mostObjects is what a provider takes.
const mostObjects = 1000

// items takes a list apart; blanks around ; do not count.
func items(text string) []string {
	list := strings.Split(text, ";")
	for i := range list {
		list[i] = strings.TrimSpace(list[i])
	}
	return list
}

// column is a list with one item for each name; as many empty items when the option is not set. Whoever counts wrong
// would otherwise get another object's version or file name.
func (r *reader) column(option string, names []string, counted string) []string {
	text := r.options[option]
	if text == "" {
		return make([]string, len(names))
	}
	list := items(text)
	if len(list) != len(names) {
		r.wrong(option, "it has %s and %s has %d: the counts must be equal", count(len(list)), counted, len(names)).
			Mend("give one item for each object, separated by ';'; an empty item is the default")
		return make([]string, len(names))
	}
	return list
}

func count(n int) string {
	if n == 1 {
		return "1 item"
	}
	return fmt.Sprintf("%d items", n)
}

func (r *reader) kind(option string, i int, text string) secret.Kind {
	for _, kind := range kinds {
		if strings.EqualFold(text, string(kind)) {
			return kind
		}
	}
	r.wrong(option, "item %d: Invalid vaultObjectTypes. Should be secret, key, or cert, not %q", i+1, fault.Shorten(text)).
		Mend("%s: secret", option)
	return ""
}

// name gives each object its file: the alias, or the object's name.
func (r *reader) name(objects []Object) {
	owners := map[string]int{}
	aliased := r.options[optAliases] != ""
	for i := range objects {
		option, o := optAliases, &objects[i]
		switch {
		case aliased && o.File == "":
			r.wrong(option, "item %d is empty, and a file needs a name", i+1).Mend("repeat the object's name there")
			continue
		case !aliased:
			option, o.File = optNames, o.Name
		}
		if problem := fileProblem(o.File); problem != "" && o.File != "" {
			r.wrong(option, "item %d is no file name: %s: %q", i+1, problem, fault.Shorten(o.File)).Mend("%s: my-file", optAliases)
		}
		if other, taken := owners[o.File]; taken && o.File != "" {
			r.wrong(option, "items %d and %d are both written to the file %q", other+1, i+1, fault.Shorten(o.File)).
				Mend("give each object a file of its own by %s", optAliases)
		}
		owners[o.File] = i
	}
}

// fileProblem says what keeps a text from being the name of a file in the volume; empty is nothing.
func fileProblem(name string) string {
	const longest = 250
	switch {
	case strings.ContainsAny(name, `/\`):
		return "it holds a separator of directories"
	case name == ".", strings.Contains(name, ".."):
		return "it must not be . nor hold .."
	case len(name) > longest:
		return fmt.Sprintf("it is longer than %d bytes", longest)
	case strings.ContainsFunc(name, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return "it holds control characters"
	}
	return ""
}
