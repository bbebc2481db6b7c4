package kube

import (
	"fmt"
	"net/http"
	"time"
)

// eventObject is an event as it is written.
type eventObject struct {
	APIVersion     string         `json:"apiVersion"`
	Kind           string         `json:"kind"`
	Metadata       metadata       `json:"metadata"`
	InvolvedObject involvedObject `json:"involvedObject"`
	Type           string         `json:"type"`
	Reason         string         `json:"reason"`
	Message        string         `json:"message"`
	Source         eventSource    `json:"source"`
	Reporting      string         `json:"reportingComponent"`
	Count          int            `json:"count"`
	First          string         `json:"firstTimestamp"`
	Last           string         `json:"lastTimestamp"`
}

type eventSource struct {
	Component string `json:"component"`
}

type involvedObject struct {
	APIVersion string `json:"apiVersion,omitempty"`
	Kind       string `json:"kind,omitempty"`
	Namespace  string `json:"namespace,omitempty"`
	Name       string `json:"name,omitempty"`
	UID        string `json:"uid,omitempty"`
}

// longestPrefix is how much of an object's name an event's begins with: names end at 253 bytes, with the moment in them.
const longestPrefix = 230

func (e *Events) object(o occurrence, t *told) eventObject {
	namespace := o.about.Namespace
	if namespace == "" {
		namespace = "default" // where events about what stands outside of namespaces are looked for
	}
	return eventObject{
		APIVersion: "v1",
		Kind:       "Event",
		Metadata: metadata{
			Name:      fmt.Sprintf("%.*s.%x", longestPrefix, o.about.Name, o.at.UnixNano()+e.written),
			Namespace: namespace,
		},
		InvolvedObject: involvedObject(o.about),
		Type:           o.kind,
		Reason:         o.reason,
		Message:        o.message,
		Source:         eventSource{e.component},
		Reporting:      e.component,
		Count:          t.count,
		First:          stamp(t.first),
		Last:           stamp(o.at),
	}
}

func (o eventObject) create() call {
	return call{verb: http.MethodPost, path: events.at(o.Metadata.Namespace, ""), body: o}
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
