package kube

import (
	"cmp"
	"context"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/runtime"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// Watched says which kinds are watched; each needs the permission to list and watch it in the whole cluster.
type Watched struct{ Identities, Bindings, Exceptions bool }

// Identities are the AzureIdentities, AzureIdentityBindings and AzurePodIdentityExceptions of the whole cluster. What it
// hands out is shared and must not be changed; of metadata it has who the object is and AnnotationBehavior.
type Identities struct {
	identities *watch[aadpodidentity.Identity] // nil when not watched, as those below
	bindings   *watch[aadpodidentity.Binding]
	exceptions *watch[aadpodidentity.Exception]
	tell       []func()
	// What of these was deleted since it was first seen.
	goneIdentities, goneBindings departed
	// The same in order, as long as nothing changes: NMI asks with every request.
	inOrder struct {
		identities ordered[aadpodidentity.Identity]
		bindings   ordered[aadpodidentity.Binding]
		exceptions ordered[aadpodidentity.Exception]
	}
}

// Identities watches nothing until it is run. Of a kind that is not watched there is nothing, and none is waited for.
func (c *Client) Identities(which Watched) *Identities {
	s := &Identities{}
	if which.Identities {
		s.identities = watchDecoded(c, source{kind: identities}, noted(&s.goneIdentities, metaOfIdentity, func(before, after *aadpodidentity.Identity) {
			s.changed(differs(unsaid(before), unsaid(after), metaOfIdentity))
		}))
	}
	if which.Bindings {
		s.bindings = watchDecoded(c, source{kind: bindings}, noted(&s.goneBindings, metaOfBinding, func(before, after *aadpodidentity.Binding) {
			s.changed(differs(before, after, metaOfBinding))
		}))
	}
	if which.Exceptions {
		s.exceptions = watchDecoded(c, source{kind: exceptions}, func(before, after *aadpodidentity.Exception) {
			s.changed(differs(before, after, func(e *aadpodidentity.Exception) *aadpodidentity.Meta { return &e.Meta }))
		})
	}
	return s
}

// Run watches until ctx ends, and then returns nil. A cluster without the definitions is one where they come later.
func (s *Identities) Run(ctx context.Context) error {
	var all sync.WaitGroup
	for _, run := range []func(context.Context){s.identities.runIf, s.bindings.runIf, s.exceptions.runIf} {
		all.Go(func() { run(ctx) })
	}
	all.Wait()
	return nil
}

// Synced is true once all objects of the kinds that are watched have been seen, and stays so.
func (s *Identities) Synced() bool {
	return s.identities.syncedIf() && s.bindings.syncedIf() && s.exceptions.syncedIf()
}

// Heard is true while what is held was confirmed by the server within that time: as long as the watches stand, and so
// long after one was lost.
func (s *Identities) Heard(within time.Duration) bool {
	return s.identities.heardIf(within) && s.bindings.heardIf(within) && s.exceptions.heardIf(within)
}

// OnChange registers who is told that something is new, gone, or says something else; a new resource version alone is
// no change. It belongs before Run. What it registers must not block, and may be called by several goroutines at once.
func (s *Identities) OnChange(tell func()) { s.tell = append(s.tell, tell) }

// Identities lists them by namespace and name. One that cannot be read has only its metadata.
func (s *Identities) Identities() []aadpodidentity.Identity {
	return s.inOrder.identities.of(s.identities, metaOfIdentity)
}

// Bindings lists them by namespace and name. One that cannot be read has only its metadata: its selector is empty.
func (s *Identities) Bindings() []aadpodidentity.Binding {
	return s.inOrder.bindings.of(s.bindings, metaOfBinding)
}

// IdentityGone is true of one that was there, as was seen, and has been deleted since.
func (s *Identities) IdentityGone(namespace, name string) bool {
	return s.goneIdentities.has(namespace, name)
}

// BindingGone is the same of bindings.
func (s *Identities) BindingGone(namespace, name string) bool {
	return s.goneBindings.has(namespace, name)
}

func metaOfIdentity(i *aadpodidentity.Identity) *aadpodidentity.Meta { return &i.Meta }
func metaOfBinding(b *aadpodidentity.Binding) *aadpodidentity.Meta   { return &b.Meta }

// Exceptions lists them by namespace and name. One that cannot be read has only its metadata, and excepts nothing.
func (s *Identities) Exceptions() []aadpodidentity.Exception {
	return s.inOrder.exceptions.of(s.exceptions, func(e *aadpodidentity.Exception) *aadpodidentity.Meta { return &e.Meta })
}

func (s *Identities) changed(something bool) {
	if !something {
		return
	}
	for _, tell := range s.tell {
		tell()
	}
}

// watchDecoded watches a kind of pod identity; the source's objects are filled in. One that cannot be read is told in
// the log.
func watchDecoded[T any](c *Client, s source, changed func(before, after *T)) *watch[T] {
	s.object, s.list = &decoded[T]{}, func() runtime.Object { return &decodedList[T]{} }
	return newWatch(c, s, func(o runtime.Object) string { return path(&o.(*decoded[T]).ObjectMeta) },
		func(o runtime.Object, _ *T) T {
			d := o.(*decoded[T])
			if d.wrong != nil {
				c.log.Warn("counts as if it said nothing", slog.String(logkey.Resource, s.kind.plural), slog.String(logkey.Error, fault.Explain(d.wrong)))
			}
			return d.item
		}, changed)
}

// unsaid is an identity without what is said of it: what people have written: a status is no news.
func unsaid(i *aadpodidentity.Identity) *aadpodidentity.Identity {
	if i == nil {
		return nil
	}
	without := *i
	without.Conditions = nil
	return &without
}

// differs is true when one of both is not there, or says something else than the other; the version does not count.
func differs[T any](before, after *T, meta func(*T) *aadpodidentity.Meta) bool {
	if before == nil || after == nil {
		return true
	}
	was, is := *before, *after
	meta(&was).ResourceVersion, meta(&is).ResourceVersion = "", ""
	return !reflect.DeepEqual(was, is)
}

// ordered is what a watch holds, by namespace and name, made anew only when the watch has changed.
type ordered[T any] struct {
	mu      sync.Mutex
	edition uint64
	list    []T
}

// of is nil for a watch that is not wanted, and for one that holds nothing.
func (o *ordered[T]) of(w *watch[T], meta func(*T) *aadpodidentity.Meta) []T {
	if w == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.edition == w.current() {
		return o.list
	}
	list, edition := w.allOf()
	slices.SortFunc(list, func(a, b T) int {
		x, y := meta(&a), meta(&b)
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	o.list, o.edition = slices.Clip(list), edition
	return o.list
}

// runIf, syncedIf and heardIf are those of a watch that may not be wanted, and is nil then.
func (w *watch[T]) runIf(ctx context.Context) {
	if w != nil {
		w.run(ctx)
	}
}

func (w *watch[T]) syncedIf() bool { return w == nil || w.hasSynced() }
func (w *watch[T]) heardIf(within time.Duration) bool {
	return w == nil || w.heard(within)
}
