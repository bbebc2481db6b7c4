package mic

import (
	"context"
	"log/slog"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/fault"
	"strongroom/internal/telemetry/logkey"
)

// The reasons of events, which people's tools know from the archived project.
const (
	applied     = "binding applied"
	applyError  = "binding apply error"
	removed     = "binding removed"
	removeError = "binding remove error"
)

// The kinds that events are about.
const (
	kindIdentity = "AzureIdentity"
	kindBinding  = "AzureIdentityBinding"
	kindAssigned = "AzureAssignedIdentity"
)

func about(kind string, meta *aadpodidentity.Meta) About {
	return About{aadpodidentity.Group + "/" + aadpodidentity.Version, kind, meta.Namespace, meta.Name, meta.UID}
}

func (m *MIC) newWrites() *jobs[objectKey, op] {
	j := newJobs[objectKey, op](m.Writes, m.Clock)
	j.spawn, j.do, j.failed, j.changed = m.spawn, m.write, m.unwritten, m.Changed
	return j
}

// wrote tells people of an assignment that has come about, or ended.
func (m *MIC) wrote(o op) {
	binding := about(kindBinding, &o.object.Binding.Meta)
	what := "azureidentity " + at(o.object.Identity.Namespace, o.object.Identity.Name)
	pod := "pod " + at(o.object.PodNamespace, o.object.Pod)
	switch {
	case o.verb == remove:
		m.Events.Event(binding, false, removed, what+" is no longer assigned to "+pod)
	case o.verb != refresh && o.state == aadpodidentity.Assigned:
		m.Events.Event(binding, false, applied, what+" is assigned to "+pod+" on node "+o.object.Node)
	}
}

// unwritten tells of a write that failed. A lost race, or an object that has gone meanwhile, is no news.
func (m *MIC) unwritten(key objectKey, o op, times int, err error) {
	kind := fault.KindOf(err)
	if times > 1 || kind == fault.Busy || kind == fault.NotFound {
		m.Log.Debug("assigned identity not written; tried again", "object", at(key.namespace, key.name), "times", times, logkey.Error, fault.Explain(err))
		return
	}
	m.Log.Log(context.Background(), slog.LevelWarn, "assigned identity not written; tried again", "object", at(key.namespace, key.name), logkey.Error, fault.Explain(err))
	reason := applyError
	if o.verb == remove {
		reason = removeError
	}
	m.Events.Event(about(kindBinding, &o.object.Binding.Meta), true, reason, "azureassignedidentity "+at(key.namespace, key.name)+" cannot be written: "+fault.Explain(err))
}
