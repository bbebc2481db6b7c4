package params_test

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/azure/params"
	"strongroom/internal/material"
	"strongroom/internal/secret"
)

func withObjects(text string) params.Input {
	in := valid()
	in.Attributes["objects"] = text
	return in
}

func TestDecodeReadsEveryFormOfAList(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"strings under array":  "array:\n  - |\n    objectName: a\n    objectType: secret\n  - |\n    objectName: b\n    objectType: key\n",
		"maps under array":     "array:\n  - objectName: a\n    objectType: secret\n  - {objectName: b, objectType: key}\n",
		"a bare list":          "- |\n  objectName: a\n  objectType: secret\n- objectName: b\n  objectType: key\n",
		"an indented list":     "  - objectName: a\n    objectType: secret\n  - objectName: b\n    objectType: key\n",
		"JSON":                 `{"array": ["{\"objectName\": \"a\", \"objectType\": \"secret\"}", {"objectName": "b", "objectType": "key"}]}`,
		"with a leading mark":  "---\narray:\n  - |\n    objectName: a\n    objectType: secret\n  - |\n    objectName: b\n    objectType: key\n",
		"with windows endings": "array:\r\n  - |\r\n    objectName: a\r\n    objectType: secret\r\n  - |\r\n    objectName: b\r\n    objectType: key\r\n",
		"with anchors":         "array:\n  - {objectName: &n a, objectType: secret}\n  - {objectName: b, objectAlias: *n, objectType: key, objectVersion: *n}\n",
	} {
		r, err := params.Decode(withObjects(text))
		if name == "with anchors" { // b's alias is a's file
			if err == nil || !strings.Contains(err.Error(), `the file "a"`) {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(r.Objects) != 2 || r.Objects[0].Object.String() != "secret/a" || r.Objects[1].Object.String() != "key/b" || len(r.Notes) > 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestDecodeReadsEveryField(t *testing.T) {
	t.Parallel()
	want := params.Object{
		Object: secret.Object{Kind: secret.Secret, Name: "tls-cert", Version: "0123456789abcdef0123456789abcdef"},
		Path:   "certs/tls.pfx", Format: material.PFX, Encoding: material.Base64, Mode: 0o440, History: 3, Optional: true,
	}
	got := decode(t, withObjects(one(
		"objectName: tls-cert", "objectType: Secret", "objectVersion: 0123456789abcdef0123456789abcdef",
		"objectVersionHistory: 3", "objectAlias: certs/tls.pfx", "objectFormat: PFX", "objectEncoding: BASE64",
		"filePermission: 0440", `optional: "true"`))).Objects
	if diff := cmp.Diff([]params.Object{want}, got); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeObjectFields(t *testing.T) {
	t.Parallel()
	for _, m := range []struct {
		line  string
		check func(params.Object) bool
	}{
		{"objectVersion: latest", func(o params.Object) bool { return o.Version == "" }},
		{"objectVersion:", func(o params.Object) bool { return o.Version == "" }},
		{"objectVersion: ~", func(o params.Object) bool { return o.Version == "" }},
		{"objectVersion: 12345678901234567890123456789012", func(o params.Object) bool { return o.Version == "12345678901234567890123456789012" }},
		{"objectVersion: 1e5", func(o params.Object) bool { return o.Version == "1e5" }},
		{"objectVersionHistory: 0", func(o params.Object) bool { return o.History == 0 }},
		{"objectVersionHistory: 1", func(o params.Object) bool { return o.History == 0 }},
		{"objectVersionHistory: -5", func(o params.Object) bool { return o.History == 0 }},
		{`objectVersionHistory: "2"`, func(o params.Object) bool { return o.History == 2 }},
		{"objectVersionHistory: 2147483647", func(o params.Object) bool { return o.History == 1000 }},
		{"objectAlias: ''", func(o params.Object) bool { return o.Path == "o" }},
		{"objectAlias: ' a b '", func(o params.Object) bool { return o.Path == "a b" }},
		{"objectAlias: dir/sub/file.txt", func(o params.Object) bool { return o.Path == "dir/sub/file.txt" }},
		{"objectAlias: .hidden", func(o params.Object) bool { return o.Path == ".hidden" }},
		{"objectFormat: Pem", func(o params.Object) bool { return o.Format == material.PEM }},
		{"objectFormat: pfx", func(o params.Object) bool { return o.Format == material.PFX }},
		{"objectEncoding: HEX", func(o params.Object) bool { return o.Encoding == material.Hex }},
		{"objectEncoding: UTF-8", func(o params.Object) bool { return o.Encoding == material.UTF8 }},
		{"filePermission: 0600", func(o params.Object) bool { return o.Mode == 0o600 }},
		{`filePermission: "600"`, func(o params.Object) bool { return o.Mode == 0o600 }},
		{"filePermission: 0o640", func(o params.Object) bool { return o.Mode == 0o640 }},
		{"filePermission: 0", func(o params.Object) bool { return o.Mode == 0 }},
		{"filePermission: 0777", func(o params.Object) bool { return o.Mode == fs.FileMode(0o777) }},
		{"filePermission: ''", func(o params.Object) bool { return o.Mode == 0o644 }},
		{"optional: true", func(o params.Object) bool { return o.Optional }},
		{"optional: 'false'", func(o params.Object) bool { return !o.Optional }},
	} {
		t.Run(m.line, func(t *testing.T) {
			t.Parallel()
			r := decode(t, withObjects(one("objectName: o", "objectType: secret", m.line)))
			if !m.check(r.Objects[0]) {
				t.Errorf("%+v", r.Objects[0])
			}
		})
	}
}

func TestDecodeRefusesFields(t *testing.T) {
	t.Parallel()
	for _, m := range []struct{ kind, line, want string }{
		{"secrets", "", "Invalid vaultObjectTypes. Should be secret, key, or cert"},
		{"", "", "Invalid vaultObjectTypes. Should be secret, key, or cert"},
		{"secret", "objectFormat: der", "objects[0].objectFormat (secret/o): failed to get objectType:secret, objectName:o, objectVersion:: invalid objectFormat: der, should be PEM or PFX"},
		{"key", "objectFormat: raw", "invalid objectFormat: raw, should be PEM or PFX"},
		{"cert", "objectFormat: modulus", "invalid objectFormat: modulus, should be PEM or PFX"},
		{"cert", "objectFormat: pfx", "PFX format only supported for objectType: secret"},
		{"key", "objectFormat: PFX", "PFX format only supported for objectType: secret"},
		{"key", "objectEncoding: hex", "objectEncoding only supported for objectType: secret"},
		{"secret", "objectEncoding: utf-16", "invalid objectEncoding: utf-16, should be hex, base64 or utf-8"},
		{"secret", "objectVersion: ../../keys/k", "is not a version id"},
		{"secret", "objectVersion: a?b", "is not a version id"},
		{"secret", "objectVersionHistory: many", `objectVersionHistory is not a whole number: "many"`},
		{"secret", "objectVersionHistory: 2147483648", "objectVersionHistory is not a whole number"},
		{"secret", "filePermission: 0888", `invalid filePermission: "0888"`},
		{"secret", "filePermission: 1777", `invalid filePermission: "1777"`},
		{"secret", "filePermission: u=rw", `invalid filePermission: "u=rw"`},
		{"secret", "filePermission: -1", "invalid filePermission"},
		{"secret", "optional: perhaps", `is neither true nor false: "perhaps"`},
		{"secret", "objectAlias: /etc/passwd", "file name must be a relative path"},
		{"secret", "objectAlias: ../up", "file name must not contain '..'"},
		{"secret", "objectAlias: ..data", "file name must not contain '..'"},
		{"secret", "objectAlias: a/../b", "file name must not contain '..'"},
		{"secret", "objectAlias: a..b", "file name must not contain '..'"},
		{"secret", "objectAlias: a//b", "file name must be written without detours"},
		{"secret", "objectAlias: ./a", "file name must be written without detours"},
		{"secret", "objectAlias: a/", "file name must be written without detours"},
		{"secret", "objectAlias: .", "file name must be written without detours"},
		{"secret", `objectAlias: "a\nb"`, "file name must not contain control characters"},
		{"secret", `objectAlias: "a\0b"`, "file name must not contain control characters"},
		{"secret", "objectAlias: " + strings.Repeat("a", 252), "file name must not have an element longer than"},
		{"secret", "objectAlias: " + strings.Repeat("a/", 70) + "b", "file name must not be nested deeper than 64"},
		{"secret", "objectAlias: " + strings.Repeat("a", 4097), "file name must not be longer than"},
		{"secret", "objectAlias: [a]", "field objectAlias is not a plain value"},
		{"secret", "objectType: key", "field objectType is given twice"},
		{"secret", "x: " + strings.Repeat("y", 65<<10), "the text is too long"},
	} {
		lines := []string{"objectName: o", "objectType: " + m.kind, m.line}
		refused(t, withObjects(one(lines...)), m.want)
	}
}

func TestDecodeRefusesNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":                       "objectName is not set",
		"a/b":                    "is not a name a vault can hold",
		"a_b":                    "is not a name a vault can hold",
		"a b":                    "is not a name a vault can hold",
		"?x=y":                   "is not a name a vault can hold",
		"..":                     "is not a name a vault can hold",
		strings.Repeat("a", 128): "is not a name a vault can hold",
	} {
		refused(t, withObjects(one("objectName: '"+name+"'", "objectType: secret", "objectAlias: fine")), want)
	}
	refused(t, withObjects(one("objectType: secret")), "file name must not be empty", "objectName is not set")
	refused(t, withObjects(one("objectname: x", "objecttype: secret", "objectAlias: a")),
		"write objectName instead of objectname", "write objectType instead of objecttype")
}

func TestDecodeNotesMisspeltFields(t *testing.T) {
	t.Parallel()
	r := decode(t, withObjects(one("objectName: o", "objectType: secret", "objectalias: x", "filePermision: 0600", "colour: red")))
	for _, want := range []string{"did you mean objectAlias?", "did you mean filePermission?", "objects[0].colour is not known and has no effect"} {
		if !noted(r, want) {
			t.Errorf("notes %q lack %q", r.Notes, want)
		}
	}
	r = decode(t, withObjects(documented+"arrays: []\n---\narray: []\n"))
	if !noted(r, "objects.arrays", "did you mean array?") || !noted(r, "only the first is read") {
		t.Errorf("notes %q", r.Notes)
	}
}

func TestDecodeRefusesFilesThatCollide(t *testing.T) {
	t.Parallel()
	const history = "\n    objectVersionHistory: 3"
	for _, m := range []struct {
		name  string
		split bool
		text  string
		clash bool
	}{
		{"different names", false, list("a", "b", "c/d", "c/e"), false},
		{"the same file", false, list("a", "b", "a"), true},
		{"a file and a directory", false, list("a", "a/b"), true},
		{"a directory and a file", false, list("a/b/c", "a"), true},
		{"a prefix that is no directory", false, list("a", "ab/c"), false},
		{"a history and a file of its own name", false, strings.Replace(list("a", "a"), `"a"`, `"a"`+history, 1), true},
		{"two histories of one name", false, strings.ReplaceAll(list("a", "a"), `"a"`, `"a"`+history), true},
		{"a history and its second file", false, strings.Replace(list("a", "a/1"), `"a"`, `"a"`+history, 1), true},
		{"a history and what it does not number", false, strings.Replace(list("a", "a/3", "a/01", "a/x"), `"a"`, `"a"`+history, 1), false},
		{"a history and a directory in the place of its file", false, strings.Replace(list("a", "a/2/x"), `"a"`, `"a"`+history, 1), true},
		{"a history within another's number", false, strings.ReplaceAll(strings.ReplaceAll(list("a", "a/0"), `"a"`, `"a"`+history), `"a/0"`, `"a/0"`+history), true},
		{"a history below a file", false, strings.Replace(list("b/a", "b"), `"b/a"`, `"b/a"`+history, 1), true},
		{"no split", false, list("a", "a.crt", "a.key"), false},
		{"split", true, list("a", "a.key"), true},
		{"split, a directory of the half's name", true, list("a", "a.crt/x"), true},
		{"split history", true, strings.Replace(list("a", "a/0.crt/x"), `"a"`, `"a"`+history, 1), true},
		{"split, no half", true, list("a", "a.pem", "b"), false},
	} {
		in := withObjects(m.text)
		in.Split = m.split
		_, err := params.Decode(in)
		if clash := err != nil && strings.Contains(err.Error(), "cannot stand beside"); clash != m.clash || (err != nil) != m.clash {
			t.Errorf("%s: %v", m.name, err)
		}
	}
}

func TestFilesAreThoseTheObjectsBecome(t *testing.T) {
	t.Parallel()
	r := decode(t, withObjects(`array:
  - |
    objectName: one
    objectType: secret
  - |
    objectName: two
    objectType: key
    objectAlias: dir/two
    objectVersionHistory: 3
`))
	for split, want := range map[bool]map[string]bool{
		false: {"one": true, "one.crt": false, "dir/two": false, "dir/two/0": true, "dir/two/2": true, "dir/two/3": false, "two": false, "": false},
		true:  {"one": true, "one.crt": true, "one.key": true, "dir/two/0.crt": false},
	} {
		files := r.Files(split)
		for path, there := range want {
			if files(path) != there {
				t.Errorf("split %v: %q is %v", split, path, !there)
			}
		}
	}
}

// What the Key Vault FlexVolume wrote can be asked for, each by the one kind of object it is a form of.
func TestDecodeKnowsTheFormatsOfTheFlexVolume(t *testing.T) {
	t.Parallel()
	for kind, text := range map[string]string{"secret": "RAW", "key": "modulus", "cert": "Der"} {
		r := decode(t, withObjects(one("objectName: o", "objectType: "+kind, "objectFormat: "+text)))
		if got := r.Objects[0].Format; string(got) != strings.ToLower(text) {
			t.Errorf("%s: %q", kind, got)
		}
	}
}
