package volume_test

import "testing"

func BenchmarkWriteChanged(b *testing.B) {
	m := plain()
	target := b.TempDir()
	n := 0
	for b.Loop() {
		n++
		if _, err := m.Write(target, generation(n).files(), nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteUnchanged(b *testing.B) {
	m := plain()
	target := b.TempDir()
	for b.Loop() {
		if _, err := m.Write(target, generation(0).files(), nil); err != nil {
			b.Fatal(err)
		}
	}
}
