package image_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"strongroom/e2e/image"
)

func TestARegistryHandsOutAnImageByNameAndByDigest(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "x.tar")
	i := image.Image{Name: "docker.io/library/x:latest", Links: map[string]string{"/bin/y": "/bin/x"}}
	if err := i.Write(file); err != nil {
		t.Fatal(err)
	}
	registry, err := image.NewRegistry(file)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string, status int) *httptest.ResponseRecorder {
		t.Helper()
		answer := httptest.NewRecorder()
		registry.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if answer.Code != status {
			t.Fatalf("%s: %d", path, answer.Code)
		}
		return answer
	}
	named := ask("/v2/library/x/manifests/latest?ns=docker.io", http.StatusOK)
	same := ask("/v2/library/x/manifests/"+named.Header().Get("Docker-Content-Digest"), http.StatusOK)
	if named.Body.String() != same.Body.String() || named.Header().Get("Content-Type") != "application/vnd.docker.distribution.manifest.v2+json" {
		t.Errorf("%s, and by digest %s", named.Body, same.Body)
	}
	var manifest struct{ Layers []struct{ Digest string } }
	if err := json.Unmarshal(named.Body.Bytes(), &manifest); err != nil || len(manifest.Layers) != 1 {
		t.Fatalf("%v in %s", err, named.Body)
	}
	layer := ask("/v2/library/x/blobs/"+manifest.Layers[0].Digest, http.StatusOK)
	if got := string(read(t, layer.Body.Bytes())["bin/y"]); got != "-> /bin/x" {
		t.Errorf("the layer has %q", got)
	}
	for _, path := range []string{"/v2/", "/v2/library/x/manifests/1", "/v2/library/z/manifests/latest", "/v2/library/x/blobs/sha256:0"} {
		ask(path, http.StatusNotFound)
	}
	if _, err := image.NewRegistry(filepath.Join(t.TempDir(), "none")); !os.IsNotExist(errors.Unwrap(err)) {
		t.Error(err)
	}
}
