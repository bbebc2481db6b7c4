package kube

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/wait"
	apiwatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"strongroom/internal/fault"
)

// watchBackoff is how long a watch that failed waits: soon at first, since most ends are a server that restarts, and
// never so long that a definition installed late would be missed for minutes.
var watchBackoff = wait.Backoff{Duration: 500 * time.Millisecond, Factor: 2, Jitter: 0.5, Steps: 6, Cap: 10 * time.Second}

// source says what is watched.
type source struct {
	kind      resource
	namespace string // empty is all
	fields    string // field selector
	labels    string // label selector
	// metadata asks for the metadata of the objects alone.
	metadata bool
	// object and list are empty ones, to decode into.
	object runtime.Object
	list   func() runtime.Object
	// page is how many objects are asked for at once; 0 is all, which the server answers from memory.
	page int64
	// shed drops what nobody reads from an object just decoded, where a list of whole ones would be large. May be nil.
	shed func(runtime.Object)
}

// watch keeps a trimmed copy T of every object of a source, and tells what changed. It is the store a reflector fills,
// so no object of the API outlives the moment it was decoded.
type watch[T any] struct {
	client *Client
	source source
	// trim makes the copy. known is what was held of the same object before, nil for a new one.
	trim func(object runtime.Object, known *T) T
	key  func(object runtime.Object) string
	// changed is told one change at a time, in order, from the watch's own goroutine: before is nil for a new object,
	// after for one that is gone.
	changed func(before, after *T)
	// index is told the same at the very moment the copies change, with mu held, so that who reads both under mu finds
	// them to agree. May be nil.
	index  func(before, after *T)
	health health

	mu sync.RWMutex
	// items are the copies. None is changed once it is held: an object that changes is another copy.
	items  map[string]*T
	synced bool
	// edition counts the changes of items.
	edition uint64
}

func newWatch[T any](c *Client, s source, key func(runtime.Object) string, trim func(runtime.Object, *T) T, changed func(before, after *T)) *watch[T] {
	return &watch[T]{
		client: c, source: s, key: key, trim: trim, changed: changed,
		health: health{what: s.kind.plural, log: c.log, clock: c.clock},
		items:  map[string]*T{},
	}
}

// run watches until ctx ends. There is no error that ends it earlier.
func (w *watch[T]) run(ctx context.Context) {
	ways := &cache.ListWatch{ListWithContextFunc: w.list, WatchFuncWithContext: w.open}
	reflector := cache.NewReflectorWithOptions(cache.ToListWatcherWithWatchListSemantics(ways, twoSteps{}), w.source.object, w, cache.ReflectorOptions{
		Name: w.source.kind.plural, TypeDescription: w.source.kind.plural, Backoff: &w.client.backoff,
	})
	reflector.WatchListPageSize = w.source.page
	reflector.RunWithContext(quiet(ctx))
}

// twoSteps keeps a reflector to listing and then watching. Its other way, one stream for both, waits out its pauses
// without looking at the context, so that a process could not stop while the server is down.
type twoSteps struct{}

func (twoSteps) IsWatchListSemanticsUnSupported() bool { return true }

// get is the copy held under a key.
func (w *watch[T]) get(key string) (T, bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	item, found := w.items[key]
	if !found {
		var none T
		return none, false
	}
	return *item, true
}

// all is every copy, in no order.
func (w *watch[T]) all() []T {
	list, _ := w.allOf()
	return list
}

// allOf is every copy, in no order, and the edition that they are.
func (w *watch[T]) allOf() ([]T, uint64) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	list := make([]T, 0, len(w.items))
	for _, item := range w.items {
		list = append(list, *item)
	}
	return list, w.edition
}

// shared is every copy as it is held, in no order: for lists that are long and read often. Nobody may change them.
func (w *watch[T]) shared() []*T {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return slices.AppendSeq(make([]*T, 0, len(w.items)), maps.Values(w.items))
}

// current is the edition.
func (w *watch[T]) current() uint64 {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.edition
}

// hasSynced is true from the first complete list on.
func (w *watch[T]) hasSynced() bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.synced
}

// live reports whether an object that is not held does not exist, but for what is on its way.
func (w *watch[T]) live() bool { return w.heard(grace) }

func (w *watch[T]) heard(within time.Duration) bool { return w.hasSynced() && w.health.heard(within) }

// list asks for the objects, or for a page of them.
func (w *watch[T]) list(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	if w.source.page > 0 {
		options.ResourceVersion = "" // the server answers from memory otherwise, and with everything at once
	}
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	r := w.call(options)
	request, err := w.client.request(r)
	if err != nil {
		return nil, err
	}
	list := w.source.list()
	if err := request.Do(quiet(ctx)).Into(list); err != nil {
		w.failed(ctx, err, r)
		return nil, err
	}
	if w.source.shed == nil {
		return list, nil
	}
	return list, meta.EachListItem(list, func(object runtime.Object) error {
		w.source.shed(object)
		return nil
	})
}

// listTimeout bounds a list: a large cluster's may take a while, but one that takes a minute will not come.
const listTimeout = time.Minute

// open opens the stream of changes.
func (w *watch[T]) open(ctx context.Context, options metav1.ListOptions) (apiwatch.Interface, error) {
	options.Watch = true
	r := w.call(options)
	request, err := w.client.request(r)
	if err != nil {
		return nil, err
	}
	stream, err := request.Watch(quiet(ctx))
	if err != nil {
		w.failed(ctx, err, r)
		return nil, err
	}
	return noticed{stream, w.health.opened()}, nil
}

// failed notes what kept the watch from standing, unless it was told to stop, or must only begin anew.
func (w *watch[T]) failed(ctx context.Context, err error, r call) {
	f := refusal(err, r)
	if ctx.Err() == context.Canceled || outdated(f) {
		return
	}
	w.health.failed(f)
}

// outdated is true for a resource version the server no longer knows: nothing is wrong then, the list is read anew.
func outdated(err error) bool {
	var f *fault.Error
	return errors.As(err, &f) && f.Remote.Status == http.StatusGone
}

// call is the request for a list or a watch. The options are those the reflector sets.
func (w *watch[T]) call(options metav1.ListOptions) call {
	params := map[string]string{}
	set := func(key, value string) {
		if value != "" {
			params[key] = value
		}
	}
	set("fieldSelector", w.source.fields)
	set("labelSelector", w.source.labels)
	set("resourceVersion", options.ResourceVersion)
	set("resourceVersionMatch", string(options.ResourceVersionMatch))
	set("continue", options.Continue)
	if options.Limit > 0 {
		set("limit", strconv.FormatInt(options.Limit, 10))
	}
	if options.Watch {
		set("watch", "true")
		set("allowWatchBookmarks", strconv.FormatBool(options.AllowWatchBookmarks))
	}
	if options.TimeoutSeconds != nil {
		set("timeoutSeconds", strconv.FormatInt(*options.TimeoutSeconds, 10))
	}
	r := call{verb: http.MethodGet, path: w.source.kind.at(w.source.namespace, ""), params: params}
	switch {
	case w.source.metadata && options.Watch:
		r.accept = protobuf + asMetadata + "," + jsonOnly + asMetadata
	case w.source.metadata:
		r.accept = protobuf + asMetadataList + "," + jsonOnly + asMetadataList
	}
	return r
}

// noticed is a stream whose end is noticed: the reflector stops every stream it is done with, whoever ended it.
type noticed struct {
	apiwatch.Interface
	closed func()
}

// Stop ends the stream.
func (n noticed) Stop() {
	n.closed()
	n.Interface.Stop()
}
