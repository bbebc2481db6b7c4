package armtoken

import (
	"context"
	"errors"
	"fmt"

	"strongroom/internal/azure/azurejson"
	"strongroom/internal/azure/token"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// login asks for a token: exactly one request.
func (s *Source) login(ctx context.Context, c azurejson.Config) (kept, error) {
	began := s.config.Clock.Now()
	got, err := s.ask(ctx, c)
	if s.config.Observer != nil {
		s.config.Observer(s.config.Clock.Now().Sub(began), err)
	}
	return kept{got}, mended(err, c)
}

func (s *Source) ask(ctx context.Context, c azurejson.Config) (token.Token, error) {
	target := token.Target{Authority: c.Cloud.Authority, Tenant: c.Tenant, ClientID: c.ClientID, Resource: c.Cloud.ManagerResource}
	switch c.Mode {
	case secret.ManagedIdentity:
		return s.config.Tokens.Managed(ctx, target)
	case secret.ServicePrincipal:
		return s.config.Tokens.ClientSecret(ctx, target, c.ClientSecret)
	}
	return token.Token{}, fault.New(fault.Invalid, "azure.json", "says neither an application nor a managed identity")
}

// mended puts a remedy in the place of one that is about a class: here the credential stands in azure.json.
func mended(err error, c azurejson.Config) error {
	var f *fault.Error
	if !errors.As(err, &f) || c.Mode != secret.ServicePrincipal {
		return err
	}
	switch f.Remote.Code {
	case "AADSTS7000215", "AADSTS7000222":
		f.Remedy = fmt.Sprintf("write a new secret into azure.json as aadClientSecret (CLIENT_SECRET by environment): az ad app credential reset --id %s --append", c.ClientID)
	case "AADSTS90002", "AADSTS500011":
		f.Remedy = "check tenantId and cloud in azure.json (TENANT_ID and CLOUD by environment): az account list --query '[].tenantId'"
	case "AADSTS700016":
		f.Remedy = fmt.Sprintf("check aadClientId and tenantId in azure.json (CLIENT_ID and TENANT_ID by environment): az ad sp show --id %s", c.ClientID)
	}
	return err
}
