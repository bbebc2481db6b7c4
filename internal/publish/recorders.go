package publish

// Recorders tells several recorders the same, in order. The zero value tells nobody.
type Recorders []Recorder

// Published implements Recorder.
func (r Recorders) Published(record Record) {
	for _, one := range r {
		one.Published(record)
	}
}

// Unpublished implements Recorder.
func (r Recorders) Unpublished(target string, err error) {
	for _, one := range r {
		one.Unpublished(target, err)
	}
}

// Forgotten implements Recorder.
func (r Recorders) Forgotten(target string) {
	for _, one := range r {
		one.Forgotten(target)
	}
}
