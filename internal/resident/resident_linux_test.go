package resident

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

func TestOnlyWhatTheFileHoldsIsDropped(t *testing.T) {
	t.Parallel()
	const account = `00400000-010c1000 r-xp 00000000 08:01 7 /strongroom
Rss:               12000 kB
Anonymous:             0 kB
010c1000-01eb9000 r--p 00cc1000 08:01 7 /a path/of two words
Anonymous:             0 kB
02000000-02001000 r--p 00cc1000 08:01 7 /strongroom
Anonymous:             4 kB
01eb9000-01f54000 rw-p 01ab9000 08:01 7 /strongroom
Anonymous:             0 kB
03000000-03001000 r--s 00000000 08:01 9 /shared
Anonymous:             0 kB
c000000000-c004000000 rw-p 00000000 00:00 0
Anonymous:          2000 kB
7f0000000000-7f0000001000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
7f1000000000-7f1000001000 r--p 00000000 08:01 7 /cut off before it says more
`
	var list []mapping
	for line := range strings.Lines(account) {
		list = take(list, strings.Fields(line))
	}
	if len(list) != 8 {
		t.Fatalf("%d mappings: %+v", len(list), list)
	}
	var dropped []string
	for _, m := range list {
		if m.disposable() {
			dropped = append(dropped, strconv.FormatUint(uint64(m.start), 16))
		}
	}
	if got := strings.Join(dropped, " "); got != "400000 10c1000" {
		t.Errorf("would drop %s", got)
	}
}

// The tests' own binary stands for the product's: what it runs and reads afterwards is as it was.
func TestAProcessGoesOnWithoutItsPages(t *testing.T) {
	held := bytes.Repeat([]byte("held"), 1<<20)
	before := sha256.Sum256(held)
	if err := dropFilePages(); err != nil {
		t.Fatal(err)
	}
	if sha256.Sum256(held) != before {
		t.Error("memory has changed")
	}
	if text, err := json.Marshal(map[string]int{"a": 1}); err != nil || string(text) != `{"a":1}` {
		t.Errorf("%s, %v", text, err)
	}
}

// A mapping that nobody else touches stands for the pages of a start. Not in parallel: every test here that gives memory
// back takes the pages of the whole process, this mapping's with them, between one look at it and the next.
func TestWhatIsDroppedIsNotResidentAndComesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	content := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	mapped, err := syscall.Mmap(int(file.Fd()), 0, len(content), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Munmap(mapped)
	if !bytes.Equal(mapped, content) || residentOf(t, path) == 0 {
		t.Fatal("it is not there from the start")
	}
	if err := dropFilePages(); err != nil {
		t.Fatal(err)
	}
	if kib := residentOf(t, path); kib != 0 {
		t.Errorf("%d KiB are still resident", kib)
	}
	if !bytes.Equal(mapped, content) {
		t.Error("it came back as something else")
	}
}

// residentOf is how many KiB of a file's only mapping are resident.
func residentOf(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	_, about, found := strings.Cut(string(text), path+"\n")
	_, resident, there := strings.Cut(about, "Rss:")
	if !found || !there {
		t.Fatalf("%s is not mapped", path)
	}
	kib, err := strconv.Atoi(strings.Fields(resident)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kib
}
