package crd_test

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"strongroom/api/aadpodidentity"
	"strongroom/api/aadpodidentity/crd"
)

type definition struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string `yaml:"kind"`
	Metadata   struct {
		Name        string
		Annotations map[string]string
	}
	Spec struct {
		Group, Scope string
		Names        struct {
			Kind, Plural, Singular string
			ListKind               string `yaml:"listKind"`
		}
		Conversion struct{ Strategy string }
		Versions   []version
	}
}

type version struct {
	Name            string
	Served, Storage bool
	Columns         []column `yaml:"additionalPrinterColumns"`
	Schema          struct {
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
	Nullable                  bool
	Properties                map[string]*schema
	Additional                *schema `yaml:"additionalProperties"`
	Items                     *schema
	Required                  []string
	Minimum                   *int
	MaxLength                 *int     `yaml:"maxLength"`
	Embedded                  bool     `yaml:"x-kubernetes-embedded-resource"`
	ListType                  string   `yaml:"x-kubernetes-list-type"`
	ListKeys                  []string `yaml:"x-kubernetes-list-map-keys"`
	Rules                     []rule   `yaml:"x-kubernetes-validations"`
}

type rule struct {
	Rule, Message   string
	OptionalOldSelf bool `yaml:"optionalOldSelf"`
}

var plurals = map[string]string{
	aadpodidentity.KindIdentity: "azureidentities", aadpodidentity.KindBinding: "azureidentitybindings",
	aadpodidentity.KindAssignedIdentity: "azureassignedidentities", aadpodidentity.KindException: "azurepodidentityexceptions",
}

// definitions reads the stream strictly: a key that the types above lack is one whose rules nothing here checks. That
// there is no subresource is among what they say: it would make other people's writes of a status vanish in silence.
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

func schemaOf(t *testing.T, kind string) *schema {
	t.Helper()
	return definitions(t)[kind].Spec.Versions[0].Schema.Root
}

func TestNamesAndVersionsAreThoseOthersAreWrittenAgainst(t *testing.T) {
	t.Parallel()
	all := definitions(t)
	if len(all) != len(plurals) {
		t.Fatalf("%d definitions", len(all))
	}
	for kind, plural := range plurals {
		d := all[kind]
		if d.APIVersion != "apiextensions.k8s.io/v1" || d.Kind != "CustomResourceDefinition" || d.Spec.Group != aadpodidentity.Group ||
			d.Spec.Scope != "Namespaced" || d.Spec.Conversion.Strategy != "None" || d.Metadata.Name != plural+"."+aadpodidentity.Group {
			t.Errorf("%s: %+v", kind, d.Metadata)
		}
		// Without it no API server takes a definition of a group that ends in k8s.io.
		if d.Metadata.Annotations["api-approved.kubernetes.io"] != "unapproved" {
			t.Errorf("%s: %v", kind, d.Metadata.Annotations)
		}
		if n := d.Spec.Names; n.Plural != plural || n.ListKind != kind+"List" || n.Singular != strings.ToLower(kind) {
			t.Errorf("%s: %+v", kind, n)
		}
		if len(d.Spec.Versions) != 1 || d.Spec.Versions[0].Name != aadpodidentity.Version || !d.Spec.Versions[0].Served || !d.Spec.Versions[0].Storage {
			t.Errorf("%s: %+v", kind, d.Spec.Versions)
		}
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]string{
		aadpodidentity.KindIdentity:         "Type=.spec.type ClientID=.spec.clientID Age=.metadata.creationTimestamp",
		aadpodidentity.KindBinding:          "AzureIdentity=.spec.azureIdentity Selector=.spec.selector Age=.metadata.creationTimestamp",
		aadpodidentity.KindAssignedIdentity: "Namespace=.spec.podNamespace Pod=.spec.pod Identity=.spec.azureIdentityRef.metadata.name Status=.status.status Age=.metadata.creationTimestamp",
		aadpodidentity.KindException:        "",
	} {
		var got []string
		for _, c := range definitions(t)[kind].Spec.Versions[0].Columns {
			if c.Priority == 0 {
				got = append(got, c.Name+"="+c.Path)
			}
			if (c.Description == "") != (c.Name == "Age") {
				t.Errorf("%s: column %s: %q", kind, c.Name, c.Description)
			}
		}
		if text := strings.Join(got, " "); text != want {
			t.Errorf("%s shows %s", kind, text)
		}
	}
}

// The rules an API server holds a structural schema to, as far as anything here uses them; and every field is explained.
func TestSchemasAreStructuralAndExplained(t *testing.T) {
	t.Parallel()
	for kind := range plurals {
		walk(schemaOf(t, kind), kind, func(path string, s, parent *schema) {
			metadata := strings.HasSuffix(path, ".metadata") && (parent.Embedded || strings.Count(path, ".") == 1)
			if (s.Description == "") != metadata {
				t.Errorf("%s: description %q", path, s.Description)
			}
			if !slices.Contains([]string{"object", "array", "string", "integer"}, s.Type) {
				t.Errorf("%s: type %q", path, s.Type)
			}
			if (s.Type == "array") != (s.Items != nil) || s.Type != "object" && (s.Properties != nil || s.Additional != nil) || s.Properties != nil && s.Additional != nil {
				t.Errorf("%s: a %s holds what it cannot", path, s.Type)
			}
			if conditions := strings.HasSuffix(path, ".conditions"); conditions != (s.ListType == "map") || conditions && !slices.Equal(s.Items.Required, s.ListKeys) {
				t.Errorf("%s: list type %q", path, s.ListType)
			}
			if len(s.Required) > 0 && !strings.HasSuffix(path, ".conditions[]") {
				t.Errorf("%s requires %v: a manifest that always was accepted would be refused", path, s.Required)
			}
			if ref := strings.HasSuffix(path, "Ref"); ref != s.Embedded {
				t.Errorf("%s: embedded %v", path, s.Embedded)
			}
			if len(s.Rules) > 0 && path != aadpodidentity.KindIdentity+".spec" {
				t.Errorf("%s has rules: what was accepted once would be refused in a copy", path)
			}
		})
	}
}

func walk(s *schema, path string, visit func(path string, s, parent *schema)) {
	visit(path, s, &schema{})
	walkInto(s, path, visit)
}

func walkInto(s *schema, path string, visit func(path string, s, parent *schema)) {
	inner := map[string]*schema{}
	for name, property := range s.Properties {
		inner["."+name] = property
	}
	if s.Items != nil {
		inner["[]"] = s.Items
	}
	if s.Additional != nil {
		inner["{}"] = s.Additional
	}
	for _, step := range slices.Sorted(maps.Keys(inner)) {
		visit(path+step, inner[step], s)
		walkInto(inner[step], path+step, visit)
	}
}

// The copies in an assigned identity have every field of what they are copies of, or it would be lost in them.
func TestCopiesAreWhole(t *testing.T) {
	t.Parallel()
	spec := schemaOf(t, aadpodidentity.KindAssignedIdentity).Properties["spec"]
	for ref, kind := range map[string]string{"azureIdentityRef": aadpodidentity.KindIdentity, "azureBindingRef": aadpodidentity.KindBinding} {
		original, copied := schemaOf(t, kind).Properties["spec"].Properties, spec.Properties[ref].Properties["spec"].Properties
		if !slices.Equal(slices.Sorted(maps.Keys(original)), slices.Sorted(maps.Keys(copied))) {
			t.Errorf("%s: %v, of %v", ref, slices.Sorted(maps.Keys(copied)), slices.Sorted(maps.Keys(original)))
		}
	}
}

func TestConditionsFitOnAnIdentity(t *testing.T) {
	t.Parallel()
	conditions := schemaOf(t, aadpodidentity.KindIdentity).Properties["status"].Properties["conditions"]
	if conditions == nil {
		t.Fatal("there is no room for conditions")
	}
	for _, field := range []string{"type", "status", "reason", "message", "observedGeneration", "lastTransitionTime"} {
		if conditions.Items.Properties[field] == nil {
			t.Errorf("the schema lacks %s", field)
		}
	}
}
