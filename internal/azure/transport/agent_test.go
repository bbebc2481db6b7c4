package transport_test

import (
	"testing"

	"strongroom/internal/azure/transport"
)

func TestTheAgentIsOneLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ version, words, want string }{
		{"", "", "strongroom"},
		{"1.2.3", "", "strongroom/1.2.3"},
		{"1.2.3", " shop eu ", "strongroom/1.2.3 shop eu"},
		{"1.2.3", "shop\r\nAuthorization: none", "strongroom/1.2.3 shop"},
	} {
		if got := transport.Agent(test.version, test.words); got != test.want {
			t.Errorf("%q, want %q", got, test.want)
		}
	}
}
