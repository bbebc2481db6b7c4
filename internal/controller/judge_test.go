package controller_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"unicode/utf8"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
)

func opaque(name string, files ...string) secretsstore.SecretObject {
	object := secretsstore.SecretObject{SecretName: name, Type: "Opaque"}
	for i, file := range files {
		object.Data = append(object.Data, secretsstore.SecretData{ObjectName: file, Key: fmt.Sprint("key-", i)})
	}
	return object
}

// judged is the condition a class by itself gets.
func judged(t *testing.T, change func(*secretsstore.Spec)) (c secretsstore.Condition, events []string) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		r := lead(t, newCluster(), clock.NewFake())
		defer r.stop()
		r.edit("ns", "one", change)
		synctest.Wait()
		_, events = r.drain()
		c = r.condition("ns", "one")
	})
	return c, events
}

func objects(list ...secretsstore.SecretObject) func(*secretsstore.Spec) {
	return func(s *secretsstore.Spec) { s.SecretObjects = list }
}

func with(object secretsstore.SecretObject, change func(*secretsstore.SecretObject)) secretsstore.SecretObject {
	change(&object)
	return object
}

func TestWhatIsWrongWithAClass(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*secretsstore.Spec)
		want   []string // parts of the message
	}{
		"no provider":    {func(s *secretsstore.Spec) { s.Provider = "" }, []string{"provider not set in ns/one", "to mend: spec.provider: azure"}},
		"odd provider":   {func(s *secretsstore.Spec) { s.Provider = "../azure" }, []string{`invalid provider: provider "../azure"`}},
		"capitals":       {func(s *secretsstore.Spec) { s.Provider = "Azure" }, []string{`provider "Azure" is unknown`, "to mend: spec.provider: azure"}},
		"no parameters":  {func(s *secretsstore.Spec) { s.Parameters = nil }, []string{"parameters not set in ns/one"}},
		"short interval": {set("rotationPollInterval", "1s"), []string{"parameter rotationPollInterval: 1s is not between 5s and 24h0m0s"}},
		"no interval":    {set("rotationPollInterval", "often"), []string{`parameter rotationPollInterval: is not a duration: "often"`}},
		"a stranger's interval": {func(s *secretsstore.Spec) { s.Provider = "vault"; s.Parameters["rotationPollInterval"] = "1" },
			[]string{"rotationPollInterval"}},
		"all at once": {func(s *secretsstore.Spec) {
			s.Parameters["bad"], s.Parameters["rotationPollInterval"] = "x y", "0s"
			s.SecretObjects = []secretsstore.SecretObject{opaque("", "a")}
		}, []string{"4 problems; ", "parameter x", "parameter y", "rotationPollInterval", "secretObjects[0]: secret name is empty"}},

		"secret without anything": {objects(secretsstore.SecretObject{}), []string{"2 problems", "secret name is empty", "data is empty"}},
		"secret's name":           {objects(opaque("No_Name", "a")), []string{`secretObjects[0].secretName: "No_Name" is not a name`}},
		"secret's long name":      {objects(opaque(strings.Repeat("a", 254), "a")), []string{"is not a name"}},
		"two secrets of a name":   {objects(opaque("s", "a"), opaque("s", "dir/b")), []string{"secretObjects[1].secretName: secret s is asked for by secretObjects[0] as well"}},
		"key":                     {objects(with(opaque("s", "a"), func(o *secretsstore.SecretObject) { o.Data[0].Key = "a/b" })), []string{`secretObjects[0].data[0].key: "a/b" is not a key`}},
		"no key":                  {objects(with(opaque("s", "a"), func(o *secretsstore.SecretObject) { o.Data[0].Key = " " })), []string{"key in secretObjects.data is empty"}},
		"key that is a path":      {objects(with(opaque("s", "a"), func(o *secretsstore.SecretObject) { o.Data[0].Key = "..data" })), []string{"is not a key"}},
		"key twice":               {objects(with(opaque("s", "a", "a"), func(o *secretsstore.SecretObject) { o.Data[1].Key = "key-0" })), []string{"key key-0 is given twice"}},
		"no such file":            {objects(opaque("s", "c")), []string{`secretObjects[0].data[0].objectName: no file "c" is mounted`, "objectAlias"}},
		"no file":                 {objects(opaque("s", "")), []string{"object name in secretObjects.data is empty"}},
		"TLS key": {objects(with(opaque("s", "a"), func(o *secretsstore.SecretObject) { o.Type = "kubernetes.io/tls"; o.Data[0].Key = "ca.pem" })),
			[]string{"key 'ca.pem' is not supported. Only 'tls.key', 'tls.crt' and 'ca.crt' are supported", "needs the key tls.crt", "needs the key tls.key"}},
		"docker":     {objects(with(opaque("s", "a"), func(o *secretsstore.SecretObject) { o.Type = "kubernetes.io/dockerconfigjson" })), []string{"needs the key .dockerconfigjson"}},
		"label":      {objects(with(opaque("s", "a"), func(o *secretsstore.SecretObject) { o.Labels = map[string]string{"a b": "c", "ok": "no good"} })), []string{`"a b" is not a key`, "the value of ok"}},
		"annotation": {objects(with(opaque("s", "a"), func(o *secretsstore.SecretObject) { o.Annotations = map[string]string{"/x": "anything goes"} })), []string{`"/x" is not a key`}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, events := judged(t, test.change)
			if c.Status != "False" || c.Reason != "Invalid" || len(events) != 1 || !strings.HasSuffix(events[0], c.Message) {
				t.Errorf("%+v, %v", c, events)
			}
			for _, part := range test.want {
				if !strings.Contains(c.Message, part) {
					t.Errorf("%q lacks %q", c.Message, part)
				}
			}
		})
	}
}

func TestWhatIsAccepted(t *testing.T) {
	t.Parallel()
	tls := secretsstore.SecretObject{
		SecretName: " ingress-tls ", Type: "kubernetes.io/tls", Labels: map[string]string{"example.com/team": "web", "empty": ""},
		Annotations: map[string]string{"Example.com/Note": "words and more words"},
		Data:        []secretsstore.SecretData{{ObjectName: " dir/b ", Key: "tls.crt"}, {ObjectName: "dir/b", Key: "tls.key"}, {ObjectName: "dir/b", Key: "ca.crt"}},
	}
	for name, change := range map[string]func(*secretsstore.Spec){
		"plain": unchanged, "interval": set("rotationPollInterval", "5s"), "secrets": objects(tls, opaque("other.name", "a")),
	} {
		if c, events := judged(t, change); c.Status != "True" || c.ObservedGeneration != 1 || len(events) != 1 {
			t.Errorf("%s: %+v, %v", name, c, events)
		}
	}
}

// Who does not know a provider's parameters says nothing of its classes, unless the driver's own part is wrong; and takes
// that back once it is mended.
func TestAStrangersClassHasNoCondition(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := lead(t, newCluster(), clock.NewFake())
		defer r.stop()
		r.edit("ns", "one", func(s *secretsstore.Spec) {
			s.Provider = "vault"
			s.SecretObjects = []secretsstore.SecretObject{opaque("s", "whatever")}
		})
		synctest.Wait()
		if writes, events := r.drain(); len(writes)+len(events) != 0 {
			t.Errorf("writes %v, events %v", writes, events)
		}
		r.edit("ns", "one", set("rotationPollInterval", "never"))
		synctest.Wait()
		if c := r.condition("ns", "one"); c.Status != "False" {
			t.Errorf("%+v", c)
		}
		r.drain()
		r.edit("ns", "one", set("rotationPollInterval", "1m"))
		synctest.Wait()
		writes, events := r.drain()
		if c := r.condition("ns", "one"); c.Status != "" || len(writes) != 1 || len(events) != 0 {
			t.Errorf("%+v, writes %v, events %v", c, writes, events)
		}
	})
}

func TestTwoClassesOfOneSecretAreBothTold(t *testing.T) {
	bubble(t, func(t *testing.T) {
		r := lead(t, newCluster(), clock.NewFake())
		defer r.stop()
		r.edit("ns", "one", objects(opaque("s", "a")))
		r.edit("elsewhere", "one", objects(opaque("s", "a")))
		synctest.Wait()
		r.edit("ns", "two", func(s *secretsstore.Spec) {
			s.Provider = "vault"
			s.SecretObjects = []secretsstore.SecretObject{opaque("t", "a"), opaque("s", "a")}
		})
		synctest.Wait()
		for name, want := range map[string]string{
			"one": "secretObjects[0].secretName: secret s is also made by two; to mend: give one of them another secretName",
			"two": "secretObjects[1].secretName: secret s is also made by one; to mend: give one of them another secretName",
		} {
			if c := r.condition("ns", name); c.Status != "False" || c.Reason != "SecretConflict" || c.Message != want {
				t.Errorf("%s: %+v", name, c)
			}
		}
		if c := r.condition("elsewhere", "one"); c.Status != "True" {
			t.Errorf("another namespace: %+v", c)
		}
		r.edit("ns", "three", objects(opaque("s", "a")))
		synctest.Wait()
		if c := r.condition("ns", "two"); !strings.Contains(c.Message, "made by one, three") {
			t.Errorf("%+v", c)
		}
		r.remove("ns", "three")
		r.edit("ns", "two", objects())
		synctest.Wait()
		if c := r.condition("ns", "one"); c.Status != "True" {
			t.Errorf("after the others left it: %+v", c)
		}
	})
}

func TestTheMessageIsOneBoundedLine(t *testing.T) {
	t.Parallel()
	c, _ := judged(t, set("bad", strings.Repeat("größer ", 500)))
	if len(c.Message) > 1024 || !utf8.ValidString(c.Message) || !strings.HasPrefix(c.Message, "500 problems; ") || !strings.HasSuffix(c.Message, " more") {
		t.Errorf("%d bytes: %s", len(c.Message), c.Message)
	}
	c, _ = judged(t, set("bad", strings.Repeat("ö", 4000)+" x"))
	if len(c.Message) > 1024 || !utf8.ValidString(c.Message) || !strings.Contains(c.Message, "öö...; parameter x: is bad") {
		t.Errorf("%d bytes: %s", len(c.Message), c.Message)
	}
	c, _ = judged(t, set("notes", strings.Repeat("note ", 500)))
	if len(c.Message) > 1024 || !strings.HasSuffix(c.Message, " more") || strings.ContainsAny(c.Message, "\n") {
		t.Errorf("%d bytes: %s", len(c.Message), c.Message)
	}
}
