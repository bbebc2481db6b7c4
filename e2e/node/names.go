package node

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/net/dns/dnsmessage"
)

// serveNames is the node's name server, for its own programs and for pods: Azure's names, of vaults those that exist,
// and the API server's. There is no other name in the world.
func (n *Node) serveNames() error {
	conn, err := net.ListenPacket("udp4", AzureAddress+":53")
	if err != nil {
		return err
	}
	go func() {
		defer conn.Close()
		packet := make([]byte, 1500)
		for {
			size, from, err := conn.ReadFrom(packet)
			if err != nil {
				n.fail(fmt.Errorf("the name server ended: %w", err))
				return
			}
			if reply, err := n.reply(packet[:size]); err == nil { // who asks no proper question gets no answer
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	return nil
}

// reply answers one question.
func (n *Node) reply(packet []byte) ([]byte, error) {
	var query dnsmessage.Message
	if err := query.Unpack(packet); err != nil {
		return nil, err
	}
	if len(query.Questions) != 1 {
		return nil, errors.New("not one question")
	}
	question := query.Questions[0]
	answer := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: query.ID, Response: true, Authoritative: true, RecursionDesired: query.RecursionDesired, RecursionAvailable: true},
		Questions: query.Questions,
	}
	address, known := n.resolve(strings.TrimSuffix(question.Name.String(), "."))
	switch {
	case !known:
		answer.RCode = dnsmessage.RCodeNameError
	case question.Type == dnsmessage.TypeA: // there is no IPv6 here: a name without such an address is answered with none
		answer.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: question.Name, Class: dnsmessage.ClassINET, TTL: 1},
			Body:   &dnsmessage.AResource{A: address},
		}}
	}
	return answer.Pack()
}

func (n *Node) resolve(name string) (address [4]byte, known bool) {
	switch name = strings.ToLower(name); {
	case strings.TrimSuffix(name, ".svc.cluster.local") == "kubernetes.default", name == "kubernetes.default.svc":
		return [4]byte(net.ParseIP(frontAddress).To4()), true
	case n.Azure.Plays(name):
		return [4]byte(net.ParseIP(AzureAddress).To4()), true
	}
	return address, false
}
