package kube

import (
	"context"
	"net/http"
	"sync"

	"strongroom/internal/fault"
)

// Ledger is one ConfigMap as a set of entries that is read and written as a whole. Labels and annotations that others put
// on it stay.
type Ledger struct {
	client          *Client
	namespace, name string

	mu    sync.Mutex
	state metadata // as last read or written; without a version it is taken not to exist
}

type ledgerObject struct {
	APIVersion string            `json:"apiVersion"`
	Kind       string            `json:"kind"`
	Metadata   metadata          `json:"metadata"`
	Data       map[string]string `json:"data"`
}

// Ledger makes no call.
func (c *Client) Ledger(namespace, name string) *Ledger {
	return &Ledger{client: c, namespace: namespace, name: name}
}

// Load reads all entries; none where there is no such ConfigMap. What is saved next replaces what was read here.
func (l *Ledger) Load(ctx context.Context) (map[string]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var object ledgerObject
	err := l.client.answered(ctx, call{verb: http.MethodGet, path: configMaps.at(l.namespace, l.name)}, &object)
	if fault.KindOf(err) == fault.NotFound {
		l.state = metadata{}
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	l.state = object.Metadata
	if object.Data == nil {
		object.Data = map[string]string{}
	}
	return object.Data, nil
}

// Save makes these the entries, as the successor of what was last loaded or saved here, and creates the ConfigMap where
// none was. It is a Busy fault when somebody else wrote to it, made it or deleted it since; nothing is changed then, and
// Load shows what stands. After any other error it may have been written or not, which Load shows too.
func (l *Ledger) Save(ctx context.Context, entries map[string]string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	object := ledgerObject{APIVersion: "v1", Kind: "ConfigMap", Metadata: l.state, Data: entries}
	object.Metadata.Namespace, object.Metadata.Name = l.namespace, l.name
	r := call{verb: http.MethodPut, path: configMaps.at(l.namespace, l.name)}
	if l.state.ResourceVersion == "" {
		r = call{verb: http.MethodPost, path: configMaps.at(l.namespace, "")}
	}
	r.body = object
	var answer ledgerObject
	err := l.client.answered(ctx, r, &answer)
	if fault.KindOf(err) == fault.NotFound && l.state.ResourceVersion != "" {
		return fault.Wrap(err, fault.Busy, "configmaps "+l.namespace+"/"+l.name, "was deleted meanwhile")
	}
	if err != nil {
		return err
	}
	l.state = answer.Metadata
	return nil
}
