package transport

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// MaxBody is how much of an answer is read: the largest sensible one, a page of 25 versions or a 25 KiB secret with its
// envelope, is far below.
const MaxBody = 1 << 20

// ErrTooLarge is what reading a longer answer ends with.
var ErrTooLarge = errors.New("the answer is longer than 1 MiB")

// Body reads an answer to its end and closes it. The error is ErrTooLarge or the connection's.
func Body(resp *http.Response) ([]byte, error) {
	defer func() { _ = resp.Body.Close() }()
	if resp.ContentLength > MaxBody {
		return nil, ErrTooLarge
	}
	var b bytes.Buffer
	if resp.ContentLength > 0 {
		b.Grow(int(resp.ContentLength) + bytes.MinRead) // one allocation, and no copies of a secret left behind by growing
	}
	_, err := b.ReadFrom(io.LimitReader(resp.Body, MaxBody+1))
	if err != nil {
		return nil, err
	}
	if b.Len() > MaxBody {
		return nil, ErrTooLarge
	}
	return b.Bytes(), nil
}

// bounded puts the bound on every answer of a client, also for readers that know nothing of Body.
func bounded(resp *http.Response, err error) (*http.Response, error) {
	if err == nil {
		resp.Body = &limited{ReadCloser: resp.Body, left: MaxBody}
	}
	return resp, err
}

type limited struct {
	io.ReadCloser
	left int
}

// Read allows one byte more than the bound, to tell an answer that ends there from one that goes on.
func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, ErrTooLarge
	}
	if len(p) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.ReadCloser.Read(p)
	l.left -= n
	if l.left < 0 {
		return n + l.left, ErrTooLarge
	}
	return n, err
}
