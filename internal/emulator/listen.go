package emulator

import (
	"errors"
	"net"
	"strconv"

	"strongroom/internal/emulator/state"
	"strongroom/internal/fault"
)

// listeners are bound by New, so that ports are known before anything is served.
type listeners struct {
	tls, proxy, control, nmi net.Listener
	imds                     map[string]net.Listener // by node
}

// unheard are no listeners at all.
func unheard() *listeners { return &listeners{imds: map[string]net.Listener{}} }

func listen(a Addresses, d state.Document) (_ *listeners, err error) {
	l := &listeners{imds: map[string]net.Listener{}}
	defer func() {
		if err != nil {
			_ = l.close()
		}
	}()
	for _, one := range []struct {
		into    *net.Listener
		address string
	}{{&l.tls, a.TLS}, {&l.proxy, a.Proxy}, {&l.control, a.Control}, {&l.nmi, a.NMI}} {
		if *one.into, err = bind(one.address); err != nil {
			return nil, err
		}
	}
	for _, node := range d.Nodes {
		bound, err := bind(a.IMDS[node.Name])
		if err != nil {
			return nil, err
		}
		l.imds[node.Name] = bound
	}
	return l, nil
}

func bind(address string) (net.Listener, error) {
	if address == "" {
		address = anyPort
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "address "+address, "cannot be listened on").
			Mend("choose another port, or 0 for a free one")
	}
	return l, nil
}

func (l *listeners) all() []net.Listener {
	list := []net.Listener{l.tls, l.proxy, l.control, l.nmi}
	for _, imds := range l.imds {
		list = append(list, imds)
	}
	return list
}

func (l *listeners) close() error {
	var errs []error
	for _, one := range l.all() {
		if one != nil {
			errs = append(errs, one.Close())
		}
	}
	return errors.Join(errs...)
}

// port is the suffix that names on the TLS listener carry in URLs: empty for 443.
func (l *listeners) port() string {
	if l.tls == nil {
		return ""
	}
	if n := l.tls.Addr().(*net.TCPAddr).Port; n != 443 {
		return ":" + strconv.Itoa(n)
	}
	return ""
}

// reach is the listener's address for a client on this machine: one bound to every address is reached over loopback.
func reach(l net.Listener) string {
	if l == nil {
		return ""
	}
	addr := l.Addr().(*net.TCPAddr)
	if addr.IP.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(addr.Port))
	}
	return addr.String()
}
