package mic

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"strongroom/internal/azure/arm"
	"strongroom/internal/fault"
)

// The keys of the map. Others than these and those with machinePrefix are refused by nobody and lost at the next write.
const (
	formatKey     = "format"
	formatOne     = "1"
	identitiesKey = "identities" // every id once; machines refer to it by number
	machinePrefix = "machine."
)

// noted is a machine as it stands in the ledger.
type noted struct {
	ID     string        `json:"id"`
	Owned  map[int]int64 `json:"owned,omitempty"` // by number of the identity, seconds since 1970
	URL    string        `json:"url,omitempty"`
	Began  int64         `json:"began,omitempty"`
	Add    []int         `json:"add,omitempty"`
	Remove []int         `json:"remove,omitempty"`
}

func encode(entries map[string]entry) map[string]string {
	text, numbers := map[string]string{formatKey: formatOne}, map[string]int{}
	var ids []string
	number := func(id string) int {
		n, known := numbers[id]
		if !known {
			n = len(ids)
			numbers[id] = n
			ids = append(ids, id)
		}
		return n
	}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		e := entries[key]
		n := noted{ID: e.At.ID(), Owned: map[int]int64{}}
		for _, id := range slices.Sorted(maps.Keys(e.Owned)) {
			n.Owned[number(id)] = e.Owned[id].Unix()
		}
		if f := e.Flight; f != nil {
			n.URL, n.Began = f.Operation.URL, f.Began.Unix()
			for _, id := range f.Add {
				n.Add = append(n.Add, number(id))
			}
			for _, id := range f.Remove {
				n.Remove = append(n.Remove, number(id))
			}
		}
		line, _ := json.Marshal(n) // numbers and texts, which cannot fail
		text[machinePrefix+strconv.Itoa(len(text))] = string(line)
	}
	line, _ := json.Marshal(ids)
	text[identitiesKey] = string(line)
	return text
}

func decode(text map[string]string) (map[string]entry, error) {
	entries := map[string]entry{}
	if len(text) == 0 {
		return entries, nil
	}
	unreadable := func(key string) error {
		return fault.New(fault.Invalid, "ledger", "the entry %q cannot be read", fault.Shorten(key)).
			Mend("delete it: what is on machines stays there, and is not taken off when it is no longer needed")
	}
	var ids []string
	if text[formatKey] != formatOne || json.Unmarshal([]byte(text[identitiesKey]), &ids) != nil {
		return nil, unreadable(formatKey)
	}
	for key, line := range text {
		if !strings.HasPrefix(key, machinePrefix) {
			continue
		}
		var n noted
		at, ok := arm.Resource{}, false
		if json.Unmarshal([]byte(line), &n) == nil {
			at, ok = machineOf(n.ID)
		}
		e := entry{At: at, Owned: map[string]time.Time{}}
		if !ok || !n.fill(&e, ids) {
			return nil, unreadable(key)
		}
		entries[at.Key()] = e
	}
	return entries, nil
}

// fill resolves numbers; false when one stands for nothing.
func (n noted) fill(e *entry, ids []string) bool {
	ok := true
	name := func(i int) string {
		if i < 0 || i >= len(ids) {
			ok = false
			return ""
		}
		return ids[i]
	}
	for i, since := range n.Owned {
		e.Owned[name(i)] = time.Unix(since, 0)
	}
	if len(n.Add)+len(n.Remove) > 0 {
		e.Flight = &flown{Operation: arm.Operation{URL: n.URL}, Began: time.Unix(n.Began, 0)}
		for _, i := range n.Add {
			e.Flight.Add = append(e.Flight.Add, name(i))
		}
		for _, i := range n.Remove {
			e.Flight.Remove = append(e.Flight.Remove, name(i))
		}
	}
	return ok
}

// machineOf reads a machine's own id.
func machineOf(id string) (arm.Resource, bool) {
	s := strings.Split(id, "/")
	if len(s) != 9 {
		return arm.Resource{}, false
	}
	r := arm.Resource{Subscription: s[2], Group: s[4], Name: s[8], Kind: arm.Kind(s[7])}
	for _, kind := range []arm.Kind{arm.VirtualMachine, arm.ScaleSet} {
		if strings.EqualFold(string(kind), s[7]) {
			r.Kind = kind
		}
	}
	return r, r.ID() == id
}
