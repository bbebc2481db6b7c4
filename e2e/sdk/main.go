// Sdk asks for a token as a program with Azure's SDK does, by the identity of whatever it runs on, and prints the object id
// that the token is for. Its arguments are the resource and, if one is to be named, the client id of an identity.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return errors.New("usage: sdk RESOURCE [CLIENT-ID]")
	}
	options := &azidentity.ManagedIdentityCredentialOptions{}
	if len(arguments) > 1 {
		options.ID = azidentity.ClientID(arguments[1])
	}
	credential, err := azidentity.NewManagedIdentityCredential(options)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	token, err := credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{arguments[0] + "/.default"}})
	if err != nil {
		return err
	}
	parts := strings.Split(token.Token, ".")
	if len(parts) != 3 {
		return errors.New("this is no token")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return err
	}
	var claims struct {
		ObjectID string `json:"oid"`
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		return err
	}
	fmt.Println(claims.ObjectID)
	return nil
}
