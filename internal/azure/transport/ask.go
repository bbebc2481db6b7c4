package transport

import "net/http"

// Ask sends a request and reads the whole answer, whatever its status but one that points elsewhere. A fault is a call
// without a usable answer: nobody answered, the answer broke off or is too long, or it is a redirect. It carries the
// status, where there was one.
func Ask(via *http.Client, req *http.Request, subject string) (*http.Response, []byte, error) {
	resp, err := via.Do(req)
	if err != nil {
		return nil, nil, Unreached(err, subject, req.URL.Host)
	}
	body, err := Body(resp)
	if redirected := Redirected(resp, subject); redirected != nil {
		return nil, nil, redirected
	}
	if err != nil {
		f := Unreached(err, subject, req.URL.Host)
		f.Remote.Status = resp.StatusCode
		return nil, nil, f
	}
	return resp, body, nil
}
