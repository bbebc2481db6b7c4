package secretsync

import (
	"maps"
	"slices"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// want is what this node asks of a Secret.
type want struct {
	id
	class    string
	provider string
	pod      secret.Pod // whose content it is
	content
	asked  time.Time            // when the content was asked of the store
	owners []secretsstore.Owner // of all the class's pods on this node
}

// verdict is what has to be done about a live Secret.
type verdict struct {
	next *Secret // what to apply; nil when nothing lacks
	// ahead is when the live content was asked of the store, where that is later than ours and the content another; zero
	// otherwise.
	ahead   time.Time
	rotates bool // the data of a Secret of this class is replaced
}

// judge compares. A Secret that is not ours to write, and one that cannot become what is wanted, is an error of kind
// Invalid; whose it is among classes has been asked before.
func (d digester) judge(live Secret, w want) (verdict, error) {
	owners := union(live.Owners, w.owners)
	grown := len(owners) > len(live.Owners)
	asked, known := askedAt(live)
	whole := known && d.of(w.shown(live)) == d.of(w.content)
	mine := live.Annotations[AnnotationClass] == w.class
	switch {
	case whole && grown:
		return verdict{next: w.over(live, owners, live.Annotations[AnnotationAsked])}, nil
	case whole:
		return verdict{}, nil
	case mine && asked.After(w.asked):
		v := verdict{ahead: asked}
		if grown {
			next := live // all of it, since what is not stated again would go
			next.Owners = owners
			v.next = &next
		}
		return v, nil
	case live.Type != w.kind:
		return verdict{}, fault.New(fault.Invalid, "", "secret %s is of type %s, class %s asks for type %s, and Kubernetes changes no Secret's type", w.id, live.Type, w.class, w.kind).
			Mend("kubectl delete secret -n %s %s; it is made anew at once", w.namespace, w.name)
	case live.Immutable && !w.sameData(live):
		return verdict{}, fault.New(fault.Invalid, "", "secret %s is immutable, and class %s has other content for it", w.id, w.class).
			Mend("kubectl delete secret -n %s %s; it is made anew at once, and not immutable", w.namespace, w.name)
	}
	return verdict{next: w.over(live, owners, stamp(w.asked)), rotates: mine && !w.sameData(live)}, nil
}

// fresh is the Secret where there is none.
func (w want) fresh() *Secret {
	none := Secret{Namespace: w.namespace, Name: w.name}
	return w.over(none, union(nil, w.owners), stamp(w.asked))
}

// over is the wanted content in place of a live Secret's.
func (w want) over(live Secret, owners []secretsstore.Owner, asked string) *Secret {
	annotations := maps.Clone(w.annotations)
	annotations[AnnotationAsked] = asked
	return &Secret{
		Namespace: w.namespace, Name: w.name, Type: w.kind,
		UID: live.UID, ResourceVersion: live.ResourceVersion, Immutable: live.Immutable,
		Labels: w.labels, Annotations: annotations, Owners: owners, Data: w.data,
	}
}

// union adds the owners that are not there yet, told apart by UID alone: one that was made anew under its old name is
// another, and Kubernetes takes the reference to the old one away itself. Which of two of one name is the living one
// cannot be known here, and a reference taken away by mistake would cost a Secret in use.
func union(live, more []secretsstore.Owner) []secretsstore.Owner {
	all := slices.Clone(live)
	for _, owner := range more {
		if !hasOwner(all, owner) {
			all = append(all, owner)
		}
	}
	return all
}

func hasOwner(owners []secretsstore.Owner, owner secretsstore.Owner) bool {
	return slices.ContainsFunc(owners, func(o secretsstore.Owner) bool { return o.UID == owner.UID })
}

// managed says whether a Secret is a driver's, ours or another's.
func managed(live Secret) bool { return live.Labels[secretsstore.LabelManaged] == "true" }

func foreign(w want) error {
	return fault.New(fault.Invalid, "", "secret %s is there already and no driver made it: it lacks the label %s=true, so class %s does not take it over", w.id, secretsstore.LabelManaged, w.class).
		Mend("delete it (kubectl delete secret -n %s %s) or choose another secretName", w.namespace, w.name)
}

func contested(w want, rival string) error {
	return fault.New(fault.Invalid, "", "secret %s is written by class %s; class %s names it too and leaves it alone", w.id, rival, w.class).
		Mend("choose another secretName in one of the two classes")
}
