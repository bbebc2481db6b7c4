package nmi_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"strongroom/api/aadpodidentity"
)

// A client that opens a connection and never comes to the end of its request is cut off, and keeps nobody else waiting.
func TestAClientThatSaysNothingIsCutOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.assign(w.pod(1, "shop", "web", "web"), w.identity("shop", "one"), aadpodidentity.Assigned)
	ends := make(chan error, 2)
	for _, said := range []string{"", "GET /metadata/identity/oauth2/token?resource=x HTTP/1.1\r\nHost: x\r\nMeta"} {
		dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: at(2).AsSlice()}}
		conn, err := dialer.DialContext(t.Context(), "tcp", strings.TrimPrefix(w.base, "http://"))
		must(t, err)
		defer func() { _ = conn.Close() }()
		_, err = conn.Write([]byte(said))
		must(t, err)
		must(t, conn.SetReadDeadline(time.Now().Add(time.Minute)))
		go func() {
			for buffer := make([]byte, 1024); err == nil; {
				_, err = conn.Read(buffer)
			}
			ends <- err
		}()
	}
	w.holds(w.token(1, ""), "one")
	for range 2 {
		if err := <-ends; strings.Contains(err.Error(), "timeout") {
			t.Error("it was held for a minute")
		}
	}
}

// Names decide nothing: a pod that is called like MIC, and its ReplicaSet too, is a pod like any other.
func TestAPodIsNotExceptedByItsName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.pod(1, "default", "mic-7d4b9c6f5-abcde", "")
	w.pod(2, "default", "microservice-5f6d8-x2", "")
	w.pod(3, "kube-system", "aad-pod-identity-mic-6c8-z", "")
	for n := 1; n < 4; n++ {
		w.refuses(w.token(n, ""), 404, "has no label aadpodidbinding")
		w.refuses(w.token(n, query("client_id", w.principal("kubelet").ClientID)), 404, "has no label aadpodidbinding")
	}
	if got := w.imdsCalls(); got != 0 {
		t.Errorf("%d questions to the metadata service", got)
	}
}
