package store

// Row is one line of a list; Key orders the list and marks where a page ended.
type Row[T any] struct {
	Key   string
	Value T
}

// Page cuts at most n rows behind the marker off rows, which are ordered by Key. next is the marker of the next page,
// empty after the last. A marker is a key and not a number, so that what comes and goes between two pages neither
// hides nor repeats the rest.
func Page[T any](rows []Row[T], after string, n int) (page []T, next string) {
	page = []T{}
	for _, row := range rows {
		if after != "" && row.Key <= after {
			continue
		}
		if len(page) == n {
			return page, next
		}
		page = append(page, row.Value)
		next = row.Key
	}
	return page, ""
}
