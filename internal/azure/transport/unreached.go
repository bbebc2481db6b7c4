package transport

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/url"

	"strongroom/internal/fault"
)

// Unreached is the fault of a call that got no complete answer. It is always Unavailable: a name that does not resolve
// may be a deleted vault or a resolver in trouble, and only the second would be safe to guess. errors.Is finds the
// context's error in it.
func Unreached(err error, subject, host string) *fault.Error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err // its text would repeat method and address
	}
	f := fault.Wrap(err, fault.Unavailable, subject, "no answer from %s", host)
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var network *net.OpError
	switch {
	case errors.Is(err, ErrTooLarge):
		f.Message = "no sensible answer from " + host
	case errors.Is(err, context.Canceled):
		f.Message = "the call to " + host + " was given up"
	case errors.As(err, &dns) && dns.IsNotFound:
		f.Mend("check that %s is right and resolves on this node: nslookup %s", host, host)
	case errors.As(err, &unknown), errors.As(err, &name):
		f.Mend("if %s is reached through a proxy that opens TLS, or is private, add its authority to the CA bundle", host)
	case errors.As(err, &network) && !node(host):
		f.Mend("check that %s is the right name, and that this node may reach it: firewall, private endpoint, proxy", host)
	}
	return f
}

// node says whether a host is the node itself, whose services the callers know better how to mend.
func node(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	ip := net.ParseIP(name)
	return ip != nil && (ip.IsLoopback() || ip.IsLinkLocalUnicast())
}

// Redirected is the fault of an answer that points elsewhere, and nil for any other. Only the target's host is told.
func Redirected(resp *http.Response, subject string) *fault.Error {
	if resp.StatusCode < 300 || resp.StatusCode > 399 {
		return nil
	}
	target := "nowhere"
	if u, err := resp.Location(); err == nil && u.Host != "" {
		target = Line(u.Host)
	}
	host := resp.Request.URL.Host
	f := fault.New(fault.Unavailable, subject, "%s answered a redirect to %s, which is never followed", host, target)
	f.Remote.Status = resp.StatusCode
	return f.Mend("look for a proxy or sign-in portal between this node and %s", host)
}
