package kube

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"time"

	"go.yaml.in/yaml/v3"

	"strongroom/api/secretsstore"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

const (
	// establishTimeout is how long the server may take to serve a definition it accepted. It takes well under a second.
	establishTimeout = 30 * time.Second
	establishPoll    = 200 * time.Millisecond
)

// ApplyCRDs makes the definitions of a manifest, YAML of one document or several, what the cluster has, in place of
// whatever was there, and returns when the server serves them all. A manifest with anything else in it is Invalid and
// changes nothing.
func (c *Client) ApplyCRDs(ctx context.Context, manifest []byte) error {
	definitions, err := parseCRDs(manifest)
	if err != nil {
		return err
	}
	for _, d := range definitions {
		if _, err := c.raw(ctx, apply(crds.at("", d.name), d.object, true)); err != nil {
			return err
		}
	}
	for _, d := range definitions {
		if err := c.established(ctx, d.name); err != nil {
			return err
		}
	}
	return nil
}

type definition struct {
	name   string
	object map[string]any
}

func parseCRDs(manifest []byte) (list []definition, err error) {
	decoder := yaml.NewDecoder(bytes.NewReader(manifest))
	for {
		var object map[string]any
		err := decoder.Decode(&object)
		switch {
		case errors.Is(err, io.EOF) && len(list) == 0:
			return nil, fault.New(fault.Invalid, "definitions", "the manifest holds none")
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, fault.Wrap(err, fault.Invalid, "definitions", "the manifest is no YAML")
		case len(object) == 0:
			continue
		}
		meta, _ := object["metadata"].(map[string]any)
		name, _ := meta["name"].(string)
		if object["kind"] != "CustomResourceDefinition" || name == "" {
			return nil, fault.New(fault.Invalid, "definitions", "the manifest holds something else: kind %v, name %q", object["kind"], name)
		}
		delete(object, "status") // the server's to say
		list = append(list, definition{name, object})
	}
}

// established waits until the server serves a definition.
func (c *Client) established(ctx context.Context, name string) error {
	over := c.clock.Now().Add(establishTimeout)
	for {
		served, err := c.served(ctx, name)
		if err != nil || served {
			return err
		}
		if !c.clock.Now().Before(over) {
			return fault.New(fault.Unavailable, "definition "+name, "was accepted but is not served after %s", establishTimeout)
		}
		if !clock.Sleep(ctx, c.clock, establishPoll) {
			return fault.Wrap(ctx.Err(), fault.Unavailable, "definition "+name, "was accepted; whether it is served is not known")
		}
	}
}

// served reads whether a definition is served; names that another definition has already are an Invalid fault.
func (c *Client) served(ctx context.Context, name string) (bool, error) {
	var object struct {
		Status secretsstore.ClassStatus `json:"status"` // conditions are of one shape everywhere
	}
	if err := c.answered(ctx, call{verb: http.MethodGet, path: crds.at("", name)}, &object); err != nil {
		return false, err
	}
	for _, condition := range object.Status.Conditions {
		if condition.Type == "NamesAccepted" && condition.Status == secretsstore.False {
			return false, fault.New(fault.Invalid, "definition "+name, "clashes with another: %s", condition.Message)
		}
		if condition.Type == "Established" && condition.Status == secretsstore.True {
			return true, nil
		}
	}
	return false, nil
}
