package token

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"strongroom/internal/azure/transport"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// imdsVersion is the oldest version of the instance metadata service's contract that knows identities.
const imdsVersion = "2018-02-01"

// Managed asks the node's instance metadata service for a token of the identity with Target.ResourceID or Target.ClientID,
// or of the node's own choice: its system-assigned identity, else its only user-assigned one.
func (c *Client) Managed(ctx context.Context, t Target) (Token, error) {
	who := claimant{target: t, flow: byNode}
	query := url.Values{"api-version": {imdsVersion}, "resource": {t.Resource}}
	switch {
	case t.ResourceID != "":
		query.Set("msi_res_id", t.ResourceID)
	case t.ClientID != "":
		query.Set("client_id", t.ClientID)
	}
	req, err := http.NewRequest(http.MethodGet, c.config.IMDS+"/metadata/identity/oauth2/token?"+query.Encode(), nil)
	if err != nil {
		return Token{}, fault.New(fault.Invalid, who.subject(), "the metadata service's address cannot be used")
	}
	req.Header.Set("Metadata", "true")
	asked := c.config.Clock.Now()
	r, err := c.send(ctx, c.config.Direct, req, who.subject())
	if err != nil {
		return Token{}, noIMDS(err)
	}
	if !r.ok() {
		return Token{}, refusal(r, who, asked)
	}
	token, err := readToken(r.body, who.subject(), asked)
	if err != nil {
		return Token{}, err
	}
	if token.ClientID == "" && t.ResourceID == "" {
		token.ClientID = t.ClientID
	}
	return token, nil
}

// noIMDS adds what silence of the metadata service most often means.
func noIMDS(err error) error {
	if f, ok := err.(*fault.Error); ok && f.Remedy == "" {
		f.Mend("a managed identity needs the instance metadata service: an Azure virtual machine or scale set, no network policy in its way")
	}
	return err
}

// Pod asks the node managed identity daemon (NMI) for the token of the identity that is bound to the pod.
func (c *Client) Pod(ctx context.Context, t Target, pod secret.Pod) (Token, error) {
	who := claimant{target: t, flow: byPod, pod: pod}
	query := url.Values{"resource": {strings.TrimRight(t.Resource, "/")}}
	req, err := http.NewRequest(http.MethodGet, c.config.NMI+"/host/token/?"+query.Encode(), nil)
	if err != nil {
		return Token{}, fault.New(fault.Invalid, who.subject(), "the address of nmi cannot be used")
	}
	req.Header.Set("podname", pod.Name)
	req.Header.Set("podns", pod.Namespace)
	asked := c.config.Clock.Now()
	r, err := c.send(ctx, c.config.Direct, req, who.subject())
	if err != nil {
		return Token{}, noNMI(err)
	}
	if r.status != http.StatusOK {
		return Token{}, podRefusal(r, who, asked)
	}
	return readPodToken(r.body, who.subject(), asked)
}

func noNMI(err error) error {
	if f, ok := err.(*fault.Error); ok && f.Remedy == "" {
		f.Mend("usePodIdentity needs nmi on the node: kubectl get pods --all-namespaces -o wide --selector component=nmi")
	}
	return err
}

// podRefusal is NMI's no. A missing assignment is a refusal although it may come later: NMI has waited for it already.
func podRefusal(r reply, who claimant, asked time.Time) *fault.Error {
	kind := statusKind(r.status)
	if r.status == http.StatusNotFound {
		kind = fault.NotFound
	}
	f := fault.New(kind, who.subject(), "nmi response failed with status code: %d", r.status)
	said, remedy := plainText(r.body)
	if said != "" {
		f.Message += ", response body: " + said
	}
	f.Remote.Status = r.status
	f.RetryAfter = transport.RetryAfter(r.header, asked)
	switch {
	case remedy != "":
		f.Mend("%s", remedy)
	case strings.Contains(said, "not from a host"):
		f.Mend("nmi answers the host network only: run the provider with hostNetwork: true")
	case kind == fault.NotFound || kind == fault.Denied, strings.Contains(said, "getting assigned identities for pod"):
		f.Mend("give pod %s a label aadpodidbinding that is the selector of an AzureIdentityBinding: kubectl get azureidentitybindings,azureassignedidentities --all-namespaces", who.pod)
	}
	return f
}

// plainText is a refusal's words when they are words, and what would mend it where our own daemon says so. JSON and pages
// are left out whole: they could hold a token.
func plainText(body []byte) (said, remedy string) {
	text := strings.TrimSpace(string(body))
	if strings.ContainsAny(text, "<") || strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[") || strings.Contains(text, `":`) {
		return "", ""
	}
	said, remedy, _ = strings.Cut(text, "; to mend: ")
	return transport.Line(said), transport.Line(remedy)
}

func readPodToken(body []byte, subject string, asked time.Time) (Token, error) {
	var got struct {
		Token    *answer `json:"token"`
		ClientID string  `json:"clientid"`
	}
	if json.Unmarshal(body, &got) != nil {
		return Token{}, nonsense(subject, "the answer of nmi is not the JSON of a token")
	}
	if got.Token == nil || got.Token.AccessToken == "" || got.ClientID == "" {
		return Token{}, nonsense(subject, "nmi did not return expected values in response: token and clientid")
	}
	token, err := got.Token.token(subject, asked)
	token.ClientID = got.ClientID
	return token, err
}
