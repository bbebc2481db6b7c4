package e2e

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"strongroom/e2e/azure"
)

// Asker is a pod that asks for tokens of every identity that there is, and of none in particular, again and again as long as
// it lives. May are those that it may have.
type Asker struct {
	ns, pod string
	may     []azure.Identity
}

// Ask starts one with a label; an empty one is none.
func Ask(t testing.TB, namespace, name, label string, all []azure.Identity, may ...azure.Identity) Asker {
	t.Helper()
	queries := "''"
	for _, id := range all {
		queries += " '&client_id=" + id.ClientID + "'"
	}
	const ask = `curl --silent --max-time 10 --write-out '\n%{http_code}\n' --header Metadata:true `
	changes := []With{Of(CurlImage), Running("sh", "-c",
		"while true; do for q in "+queries+"; do "+ask+"'"+metadataService+tokenPath+"&bypass_cache=true'$q >>/tmp/answers; sleep 0.3; done; done")}
	if label != "" {
		changes = append(changes, Labelled(BoundBy, label))
	}
	Run(t, Pod(namespace, name, changes...))
	return Asker{namespace, name, may}
}

// Answers looks at all that it has been answered: how often with a token, and how often without. A token that it may not have
// fails the test.
func (a Asker) Answers(t testing.TB) (tokens, others int) {
	t.Helper()
	text := Read(t, a.ns, a.pod, "/tmp/answers")
	whole := text[:strings.LastIndex(text, "\n")+1] // the last line may be half written
	body := ""
	for line := range strings.Lines(whole) {
		line = strings.TrimSpace(line)
		status, err := strconv.Atoi(line)
		if err != nil || len(line) != 3 {
			body += line
			continue
		}
		if status != http.StatusOK {
			others++
		} else if got, err := tokenOf(reply{status: status, body: body}); err != nil {
			t.Errorf("%s: %v", a.pod, err)
		} else if tokens++; !a.allowed(got) {
			t.Errorf("%s has a token of application %s, object %s, which nothing gives it", a.pod, got.ClientID, got.ObjectID)
		}
		body = ""
	}
	return tokens, others
}

func (a Asker) allowed(got claims) bool {
	for _, id := range a.may {
		if got.ObjectID == id.ObjectID && got.ClientID == id.ClientID {
			return true
		}
	}
	return false
}

// AwaitMore waits until each has been answered some more times, however.
func AwaitMore(t testing.TB, askers []Asker, answers int) {
	t.Helper()
	count := func(a Asker) int {
		tokens, others := a.Answers(t)
		return tokens + others
	}
	before := make([]int, len(askers))
	for i, a := range askers {
		before[i] = count(a)
	}
	for i, a := range askers { // all go on asking meanwhile
		Eventually(t, "more answers to "+a.pod, func() error {
			if now := count(a); now < before[i]+answers {
				return fmt.Errorf("there are %d, after %d", now, before[i])
			}
			return nil
		})
	}
}
