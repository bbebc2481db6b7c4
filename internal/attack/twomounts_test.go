package attack

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc/codes"
	gstatus "google.golang.org/grpc/status"
)

// Two mounts of one target at once that state different attributes, classes or pods: one of them is turned away or comes
// after the other, and what stands is one's alone, as its record says.
func TestTwoMountsOfOneTargetWithDifferentAttributes(t *testing.T) {
	t.Parallel()
	for name, differ := range map[string]func(p *pod){
		"another class":   func(p *pod) { p.class = "theirs" },
		"another pod":     func(p *pod) { p.name, p.class = "other", "theirs" },
		"another account": func(p *pod) { p.account, p.class, p.tokens = "thief", "theirs", p.node.tokens("shop", "thief") },
		"an override":     func(p *pod) { p.context["keyvaultName"] = "kv-two" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			asked, proceed := make(chan struct{}, 16), make(chan struct{})
			n := newNode(t, unhurried)
			n.azure.on(func(kind string, _ http.ResponseWriter, _ *http.Request) bool {
				if kind == "token" {
					asked <- struct{}{}
					<-proceed
				}
				return false
			})
			first := n.pod(parameters(secrets("a", "b")))
			n.mu.Lock()
			n.classes["shop/theirs"] = parameters(secrets("c"), "keyvaultName", "kv-two")
			n.mu.Unlock()
			same := *first
			same.context = map[string]string{}
			second := &same
			differ(second)
			done := make(chan error, 1)
			go func() { done <- first.mount() }()
			<-asked
			if err := second.mount(); gstatus.Code(err) != codes.Aborted {
				t.Errorf("the second, amid the first: %v", err)
			}
			close(proceed)
			must(t, <-done)
			wanted := map[string]string{"a": contentFor(web(tenant, client), "kv-one", "a"), "b": contentFor(web(tenant, client), "kv-one", "b")}
			if files := first.files(); !maps.Equal(files, wanted) {
				t.Errorf("after the first: %v", files)
			}

			// Both again and again, at once. Whatever the order, the target is never a mixture.
			theirs := map[string]string{"c": contentFor(strings.Replace(web(tenant, client), ":web", ":"+second.account, 1), "kv-two", "c")}
			if name == "an override" {
				theirs = map[string]string{"a": contentFor(web(tenant, client), "kv-two", "a"), "b": contentFor(web(tenant, client), "kv-two", "b")}
			}
			for range 10 {
				var both errgroup.Group
				for _, p := range []*pod{first, second} {
					both.Go(func() error {
						if err := p.mount(); err != nil && gstatus.Code(err) != codes.Aborted {
							return err
						}
						return nil
					})
				}
				must(t, both.Wait())
				if files := first.files(); !maps.Equal(files, wanted) && !maps.Equal(files, theirs) {
					t.Errorf("a mixture: %v", files)
				}
			}
			second.mustMount()
			if files := first.files(); !maps.Equal(files, theirs) {
				t.Errorf("after the second: %v, want %v", files, theirs)
			}
			n.onlyTargets()
		})
	}
}
