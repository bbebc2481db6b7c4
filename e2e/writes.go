package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"
)

// Write is one change that a service account made, or tried to make, in the API.
type Write struct {
	At                  time.Time
	Account             string // "namespace/name"
	Verb                string
	Resource, Namespace string
	Name                string // empty of an object whose name the server makes up
}

// WriteMark is a moment in the log of the service accounts' changes.
type WriteMark struct{ offset int64 }

// MarkWrites notes how far that log has come.
func MarkWrites(t testing.TB) WriteMark {
	t.Helper()
	info, err := os.Stat(cluster.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	return WriteMark{info.Size()}
}

// Since gives what service accounts of these names changed after the mark, in whatever namespace they are.
func (m WriteMark) Since(t testing.TB, accounts ...string) []Write {
	t.Helper()
	text, err := os.ReadFile(cluster.AuditLog())
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(text)) < m.offset {
		t.Fatal("the audit log was cut since the mark")
	}
	var writes []Write
	lines := bufio.NewScanner(bytes.NewReader(text[m.offset:]))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if w, ok := writeOf(t, lines.Bytes()); ok && isOneOf(w.Account, accounts) {
			writes = append(writes, w)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return writes
}

func isOneOf(account string, names []string) bool {
	for _, name := range names {
		if strings.HasSuffix(account, "/"+name) {
			return true
		}
	}
	return false
}

// writeOf reads one line of the audit log.
func writeOf(t testing.TB, line []byte) (Write, bool) {
	t.Helper()
	var event struct {
		Verb  string
		User  struct{ Username string }
		Began time.Time                                               `json:"requestReceivedTimestamp"`
		About struct{ Resource, Subresource, Namespace, Name string } `json:"objectRef"`
	}
	if err := json.Unmarshal(line, &event); err != nil {
		t.Fatalf("a line of the audit log: %v", err)
	}
	account, isAccount := strings.CutPrefix(event.User.Username, "system:serviceaccount:")
	return Write{
		At: event.Began, Account: strings.Replace(account, ":", "/", 1), Verb: event.Verb,
		Resource: strings.TrimSuffix(event.About.Resource+"/"+event.About.Subresource, "/"), Namespace: event.About.Namespace, Name: event.About.Name,
	}, isAccount
}
