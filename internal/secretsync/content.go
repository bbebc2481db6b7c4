package secretsync

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"strings"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/secret"
	"strongroom/internal/secretsync/shape"
)

// Annotations of our own on a Secret. They change only together with its content.
const (
	annotationPrefix = "strongroom/"
	// AnnotationClass names the class, in the Secret's namespace, that the content is of.
	AnnotationClass = annotationPrefix + "class"
	// AnnotationAsked is when the content was asked of the store, RFC 3339 in UTC with nanoseconds.
	AnnotationAsked = annotationPrefix + "asked"
	// AnnotationShape tells one set of keys, labels and annotations from another, so that one that the class gave up is
	// noticed and goes.
	AnnotationShape = annotationPrefix + "shape"
)

// content is what is wanted of a Secret, its owners and its time aside.
type content struct {
	kind        string // its type
	labels      map[string]string
	annotations map[string]string
	data        map[string]secret.Value
}

// compose adds our own labels and annotations to what a class made. A class cannot set them itself.
func compose(class string, made shape.Made) content {
	c := content{kind: made.Type, labels: map[string]string{}, annotations: map[string]string{}, data: made.Data}
	maps.Copy(c.labels, made.Labels)
	c.labels[secretsstore.LabelManaged] = "true"
	maps.Copy(c.annotations, made.Annotations)
	maps.DeleteFunc(c.annotations, func(key, _ string) bool { return strings.HasPrefix(key, annotationPrefix) })
	c.annotations[AnnotationShape] = shapeOf(c)
	c.annotations[AnnotationClass] = class
	return c
}

// shapeOf is a hash of names only; nothing secret goes into it.
func shapeOf(c content) string {
	h := sha256.New()
	for _, names := range [][]string{keys(c.data), keys(c.labels), keys(c.annotations)} {
		for _, name := range names {
			write(h, []byte(name))
		}
		write(h, nil)
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// shown is as much of a Secret as says something about the content: equal to it exactly when the Secret lacks nothing of
// it. What others added to the Secret is not looked at.
func (c content) shown(live Secret) content {
	return content{
		kind: live.Type, labels: within(live.Labels, c.labels),
		annotations: within(live.Annotations, c.annotations), data: within(live.Data, c.data),
	}
}

// sameData says that a Secret holds the content's data, whatever else it lacks.
func (c content) sameData(live Secret) bool {
	return maps.EqualFunc(within(live.Data, c.data), c.data, secret.Value.Equal)
}

func within[V any](all, wanted map[string]V) map[string]V {
	found := make(map[string]V, len(wanted))
	for key := range wanted {
		if value, there := all[key]; there {
			found[key] = value
		}
	}
	return found
}

// askedAt is when a Secret's content was asked of the store; not known where the Secret does not say it, as after
// somebody's edit, or when another driver made it.
func askedAt(live Secret) (at time.Time, known bool) {
	at, err := time.Parse(time.RFC3339Nano, live.Annotations[AnnotationAsked])
	return at, err == nil
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339Nano) }

// fingerprint stands for content in memory. The zero fingerprint is of none.
type fingerprint [sha256.Size]byte

// digester makes fingerprints that mean nothing outside this process.
type digester struct{ key []byte }

func newDigester() digester {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // never fails, by its contract
	return digester{key}
}

func (d digester) of(c content) fingerprint {
	h := hmac.New(sha256.New, d.key)
	write(h, []byte(c.kind))
	for _, texts := range []map[string]string{c.labels, c.annotations} {
		for _, key := range keys(texts) {
			write(h, []byte(key))
			write(h, []byte(texts[key]))
		}
		write(h, nil)
	}
	for _, key := range keys(c.data) {
		write(h, []byte(key))
		write(h, c.data[key].Reveal())
	}
	return fingerprint(h.Sum(nil))
}

// write puts a text's length before it, so that no two lists of texts look alike.
func write(h hash.Hash, text []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(text)))
	_, _ = h.Write(length[:])
	_, _ = h.Write(text)
}

func keys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
