package nmi

import (
	"bytes"
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"strongroom/internal/azure/token"
	"strongroom/internal/secret"
)

// TestAnAnswerIsJSONWhateverATokenHolds because it is spelled by hand, and what it holds came from elsewhere.
func TestAnAnswerIsJSONWhateverATokenHolds(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0)
	for _, text := range []string{"eyJ.a-b_c", "", `a"b\c`, "a\nb", "<&>", "ä\x00 ", string(bytes.Repeat([]byte("x"), 40<<10))} {
		one := bearer{Token: token.Token{Value: secret.NewValue([]byte(text)), ExpiresOn: now.Add(90 * time.Second)}, asked: now.Add(-time.Minute)}
		w := httptest.NewRecorder()
		issued{tokens: []bearer{one}, clientID: text}.writeHosted(w, text, now)
		var got struct {
			Token    map[string]string
			ClientID string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%.40q: %v", text, err)
		}
		want := map[string]string{"access_token": text, "refresh_token": "", "expires_in": "90", "expires_on": "1800000090",
			"not_before": "1799999940", "resource": text, "token_type": "Bearer"}
		for name, value := range want {
			if got.Token[name] != value {
				t.Errorf("%s is %.40q, want %.40q", name, got.Token[name], value)
			}
		}
		if len(got.Token) != len(want) || got.ClientID != text {
			t.Errorf("%d fields, client %.40q", len(got.Token), got.ClientID)
		}
		several := httptest.NewRecorder()
		issued{tokens: []bearer{one, one}}.writeTokens(several, text, now)
		var list []map[string]string
		if err := json.Unmarshal(several.Body.Bytes(), &list); err != nil || len(list) != 2 || list[1]["access_token"] != text {
			t.Errorf("two tokens: %d, %v", len(list), err)
		}
	}
}

// TestABufferOfAnAnswerHoldsNoTokenAfterwards because buffers are used again.
func TestABufferOfAnAnswerHoldsNoTokenAfterwards(t *testing.T) {
	t.Parallel()
	var seen []byte
	writeJSON(httptest.NewRecorder(), func(b []byte) []byte {
		seen = append(b, "planted-4711"...)
		return seen
	})
	if bytes.Contains(seen[:cap(seen)], []byte("planted")) {
		t.Error("it is still there")
	}
}
