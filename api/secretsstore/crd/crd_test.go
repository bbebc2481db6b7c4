package crd_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"strongroom/api/secretsstore"
	"strongroom/api/secretsstore/crd"
	"strongroom/examples"
)

type definition struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct{ Name string }
	Spec       struct {
		Group, Scope string
		Names        struct {
			Kind, Plural, Singular string
			ListKind               string   `yaml:"listKind"`
			ShortNames             []string `yaml:"shortNames"`
		}
		Conversion struct{ Strategy string }
		Versions   []version
	}
}

type version struct {
	Name               string
	Served, Storage    bool
	Deprecated         bool
	DeprecationWarning string         `yaml:"deprecationWarning"`
	Subresources       map[string]any `yaml:"subresources"`
	Columns            []column       `yaml:"additionalPrinterColumns"`
	Schema             struct {
		Root *schema `yaml:"openAPIV3Schema"`
	}
}

type column struct {
	Name, Description, Type string
	Path                    string `yaml:"jsonPath"`
	Priority                int
}

type schema struct {
	Description, Type, Format string
	Properties                map[string]*schema
	Additional                *schema `yaml:"additionalProperties"`
	Items                     *schema
	Required                  []string
	Minimum                   *int
	MaxLength                 *int     `yaml:"maxLength"`
	ListType                  string   `yaml:"x-kubernetes-list-type"`
	ListKeys                  []string `yaml:"x-kubernetes-list-map-keys"`
}

// definitions reads the stream strictly: a key that the types above lack is one whose rules nothing here checks.
func definitions(t *testing.T) map[string]definition {
	t.Helper()
	all := map[string]definition{}
	decoder := yaml.NewDecoder(bytes.NewReader(crd.YAML()))
	decoder.KnownFields(true)
	for {
		var d definition
		err := decoder.Decode(&d)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all[d.Spec.Names.Kind] = d
	}
}

func TestNamesAndVersionsAreThoseOthersAreWrittenAgainst(t *testing.T) {
	t.Parallel()
	all := definitions(t)
	if len(all) != 2 {
		t.Fatalf("%d definitions", len(all))
	}
	for kind, plural := range map[string]string{secretsstore.KindClass: "secretproviderclasses", secretsstore.KindClassStatus: "secretproviderclasspodstatuses"} {
		d := all[kind]
		if d.APIVersion != "apiextensions.k8s.io/v1" || d.Kind != "CustomResourceDefinition" || d.Spec.Group != secretsstore.Group ||
			d.Spec.Scope != "Namespaced" || d.Spec.Conversion.Strategy != "None" || d.Metadata.Name != plural+"."+secretsstore.Group {
			t.Errorf("%s: %+v", kind, d.Metadata)
		}
		// A short name moves the columns of "kubectl api-resources", which other people's scripts read the version from.
		if n := d.Spec.Names; n.Plural != plural || n.ListKind != kind+"List" || n.Singular != strings.ToLower(kind) || len(n.ShortNames) != 0 {
			t.Errorf("%s: %+v", kind, n)
		}
		if len(d.Spec.Versions) != 2 {
			t.Fatalf("%s: %d versions", kind, len(d.Spec.Versions))
		}
		if v := d.Spec.Versions[0]; v.Name != "v1" || !v.Served || !v.Storage || v.Deprecated {
			t.Errorf("%s: %+v", kind, v)
		}
		if v := d.Spec.Versions[1]; v.Name != "v1alpha1" || !v.Served || v.Storage || !v.Deprecated {
			t.Errorf("%s: %+v", kind, v)
		}
	}
	const warning = "secrets-store.csi.x-k8s.io/v1alpha1 is deprecated. Use secrets-store.csi.x-k8s.io/v1 instead."
	if got := all[secretsstore.KindClass].Spec.Versions[1].DeprecationWarning; got != warning {
		t.Errorf("warns %q", got)
	}
}

// Other people's drivers replace a pod status as a whole; with a subresource its status would be dropped in silence.
func TestOnlyTheClassHasAStatusSubresource(t *testing.T) {
	t.Parallel()
	for kind, d := range definitions(t) {
		for _, v := range d.Spec.Versions {
			if _, has := v.Subresources["status"]; has != (kind == secretsstore.KindClass) {
				t.Errorf("%s %s: status subresource %v", kind, v.Name, has)
			}
		}
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		secretsstore.KindClass:       "Provider Accepted Age",
		secretsstore.KindClassStatus: "Pod Class Mounted Fresh Age",
	}
	for kind, d := range definitions(t) {
		for _, v := range d.Spec.Versions {
			var names []string
			for _, c := range v.Columns {
				if c.Priority == 0 {
					names = append(names, c.Name)
				}
				if c.Path != ".metadata.creationTimestamp" {
					checkPath(t, kind, v, c)
				}
			}
			if got := strings.Join(names, " "); got != want[kind] {
				t.Errorf("%s %s shows %s", kind, v.Name, got)
			}
		}
	}
}

// checkPath follows a column's path through the schema; a filter in it picks an element of a list.
func checkPath(t *testing.T, kind string, v version, c column) {
	t.Helper()
	at := v.Schema.Root
	path := strings.ReplaceAll(c.Path, `[?(@.type=="Accepted")]`, "[]")
	path = strings.ReplaceAll(path, `[?(@.type=="Fresh")]`, "[]")
	for step := range strings.SplitSeq(strings.TrimPrefix(path, "."), ".") {
		name, list := strings.CutSuffix(step, "[]")
		if at = at.Properties[name]; at != nil && list {
			at = at.Items
		}
		if at == nil {
			t.Fatalf("%s %s: column %s points nowhere: %s", kind, v.Name, c.Name, c.Path)
		}
	}
	if at.Type != c.Type || c.Description == "" {
		t.Errorf("%s %s: column %s of type %q shows a %s", kind, v.Name, c.Name, c.Type, at.Type)
	}
}

// The rules an API server holds a structural schema to, as far as anything here uses them; and every field is explained.
func TestSchemasAreStructuralAndExplained(t *testing.T) {
	t.Parallel()
	for kind, d := range definitions(t) {
		for _, v := range d.Spec.Versions {
			walk(v.Schema.Root, kind+" "+v.Name, func(path string, s *schema) {
				metadata := strings.HasSuffix(path, ".metadata") && strings.Count(path, ".") == 1
				if (s.Description == "") != metadata {
					t.Errorf("%s: description %q", path, s.Description)
				}
				if !slices.Contains([]string{"object", "array", "string", "boolean", "integer"}, s.Type) {
					t.Errorf("%s: type %q", path, s.Type)
				}
				if (s.Type == "array") != (s.Items != nil) || s.Type != "object" && (s.Properties != nil || s.Additional != nil) || s.Properties != nil && s.Additional != nil {
					t.Errorf("%s: a %s holds what it cannot", path, s.Type)
				}
				if conditions := strings.HasSuffix(path, ".conditions"); conditions != (s.ListType == "map") {
					t.Errorf("%s: list type %q", path, s.ListType)
				}
				for _, key := range s.ListKeys {
					if !slices.Contains(s.Items.Required, key) {
						t.Errorf("%s: the key %s is not required", path, key)
					}
				}
				if len(s.Required) > 0 && !strings.HasSuffix(path, ".conditions[]") {
					t.Errorf("%s requires %v: a manifest that always was accepted would be refused", path, s.Required)
				}
			})
		}
	}
}

func walk(s *schema, path string, visit func(string, *schema)) {
	visit(path, s)
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		walk(s.Properties[name], path+"."+name, visit)
	}
	if s.Items != nil {
		walk(s.Items, path+"[]", visit)
	}
	if s.Additional != nil {
		walk(s.Additional, path+"{}", visit)
	}
}

// What our types write is in the schema and the other way round, so that no field is pruned in silence.
func TestSchemasHaveTheFieldsOfOurTypes(t *testing.T) {
	t.Parallel()
	all := definitions(t)
	for _, test := range []struct {
		kind, part string
		value      any
	}{
		{secretsstore.KindClass, "spec", secretsstore.Spec{}},
		{secretsstore.KindClass, "status", secretsstore.ClassStatus{}},
		{secretsstore.KindClassStatus, "status", secretsstore.MountStatus{}},
	} {
		for _, v := range all[test.kind].Spec.Versions {
			part := v.Schema.Root.Properties[test.part]
			delete(part.Properties, "byPod") // of v1alpha1 alone, and nobody's any more
			same(t, test.kind+" "+v.Name+" "+test.part, part, reflect.TypeOf(test.value))
		}
	}
	if all[secretsstore.KindClass].Spec.Versions[0].Schema.Root.Properties["status"].Properties["byPod"] != nil {
		t.Error("v1 never had byPod")
	}
}

func same(t *testing.T, path string, s *schema, typ reflect.Type) {
	t.Helper()
	switch typ.Kind() {
	case reflect.Slice:
		same(t, path+"[]", s.Items, typ.Elem())
	case reflect.Map:
		same(t, path+"{}", s.Additional, typ.Elem())
	case reflect.Struct:
		if typ.String() == "time.Time" {
			if s.Type != "string" || s.Format != "date-time" {
				t.Errorf("%s: %s %s for a time", path, s.Type, s.Format)
			}
			return
		}
		fields := map[string]bool{}
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			fields[name] = true
			if s.Properties[name] == nil {
				t.Errorf("%s: the schema lacks %s", path, name)
				continue
			}
			same(t, path+"."+name, s.Properties[name], typ.Field(i).Type)
		}
		for name := range s.Properties {
			if !fields[name] {
				t.Errorf("%s: our type lacks %s", path, name)
			}
		}
	default:
		want := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Int64: "integer"}[typ.Kind()]
		if s.Type != want {
			t.Errorf("%s: %s for %s", path, s.Type, typ)
		}
	}
}

func TestSchemasAcceptTheExamples(t *testing.T) {
	t.Parallel()
	versions := definitions(t)[secretsstore.KindClass].Spec.Versions
	files, err := fs.Glob(examples.Files, "*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := fs.ReadFile(examples.Files, file)
		if err != nil {
			t.Fatal(err)
		}
		decoder := yaml.NewDecoder(bytes.NewReader(text))
		for {
			var object map[string]any
			if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if object["kind"] != secretsstore.KindClass {
				continue
			}
			for _, v := range versions {
				accepts(t, file+" "+v.Name, v.Schema.Root.Properties["spec"], object["spec"])
			}
		}
	}
}

func accepts(t *testing.T, path string, s *schema, value any) {
	t.Helper()
	switch value := value.(type) {
	case map[string]any:
		for key, inner := range value {
			next := s.Additional
			if next == nil {
				next = s.Properties[key]
			}
			if next == nil {
				t.Errorf("%s.%s would be pruned", path, key)
				continue
			}
			accepts(t, path+"."+key, next, inner)
		}
	case []any:
		for _, inner := range value {
			accepts(t, path+"[]", s.Items, inner)
		}
	case string:
		if s.Type != "string" {
			t.Errorf("%s: a string for %s", path, s.Type)
		}
	default:
		t.Errorf("%s: %T is refused", path, value)
	}
}
