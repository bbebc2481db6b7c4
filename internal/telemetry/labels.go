package telemetry

import (
	"slices"
	"strconv"
	"sync"
)

// other stands for every label value that is not in its closed set.
const other = "other"

// maxProviders bounds the provider label: authors of classes choose that name, and each new one would be a new series
// for as long as the process lives. A node has a handful of providers.
const maxProviders = 16

// maxProviderName is how long a provider's name can be: longer ones are an author's invention.
const maxProviderName = 30

// names lets the first few of a kind of name through.
type names struct {
	most, longest int

	mu   sync.Mutex
	seen map[string]bool
}

func newNames(most, longest int) *names {
	return &names{most: most, longest: longest, seen: map[string]bool{}}
}

func (n *names) label(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.seen[name] {
		return name
	}
	if len(n.seen) >= n.most || len(name) > n.longest {
		return other
	}
	n.seen[name] = true
	return name
}

// oneOf is value where the set has it, else "other".
func oneOf(value string, set ...string) string {
	if slices.Contains(set, value) {
		return value
	}
	return other
}

// statusClass is 2xx, 3xx, 4xx, 429 (which is its own, since something can be done about it), 5xx, or "error" where no
// answer came.
func statusClass(status int) string {
	switch {
	case status == 429:
		return "429"
	case status >= 100 && status < 600:
		return strconv.Itoa(status/100) + "xx"
	default:
		return "error"
	}
}
