package vaults

import (
	"slices"
	"strings"
	"time"

	"strongroom/internal/emulator/arm/wire"
)

// Namespace is what the requests answered here are about.
const Namespace = "Microsoft.KeyVault"

const vaultType = Namespace + "/vaults"

// Vault is one of them. Everything but ResourceID, Name and TenantID may be zero.
type Vault struct {
	ResourceID string
	Name       string
	Location   string
	Tags       map[string]string
	TenantID   string
	Premium    bool
	// RBAC goes by roles in place of Policies.
	RBAC     bool
	Policies []Policy
	// Firewall refuses everybody: the network rules leave out the address that all clients of an emulator have.
	Firewall        bool
	RetentionDays   int // of what is deleted; 0 is 90
	PurgeProtection bool
	Deployment      Deployment
	Network         *Network // as it was given
	PublicAccess    string   // as it was given
}

// Deployment is who in Azure itself may fetch secrets; told back, and of no effect.
type Deployment struct {
	Machines, Disks, Templates bool
}

// Network is the rules of a firewall.
type Network struct {
	Bypass        string `json:"bypass,omitempty"`
	DefaultAction string `json:"defaultAction,omitempty"`
	IPRules       []any  `json:"ipRules"`
	Subnets       []any  `json:"virtualNetworkRules"`
}

// shut reports whether the rules refuse the address everybody comes from.
func (n *Network) shut() bool { return n != nil && strings.EqualFold(n.DefaultAction, "Deny") }

// Policy is what one principal may do in each area.
type Policy struct {
	TenantID      string      `json:"tenantId"`
	ObjectID      string      `json:"objectId"`
	ApplicationID string      `json:"applicationId,omitempty"`
	Permissions   Permissions `json:"permissions"`
}

// Permissions are by area, in the words of Key Vault. Those for storage are told back and have no effect.
type Permissions struct {
	Keys         []string `json:"keys,omitempty"`
	Secrets      []string `json:"secrets,omitempty"`
	Certificates []string `json:"certificates,omitempty"`
	Storage      []string `json:"storage,omitempty"`
}

// The permissions there are, by area; "all" is short for every one.
const (
	SecretPermissions = "all get list set delete recover backup restore purge"
	KeyPermissions    = "all get list create update import delete recover backup restore purge encrypt decrypt sign verify " +
		"wrapkey unwrapkey release rotate getrotationpolicy setrotationpolicy"
	CertificatePermissions = "all get list create update import delete recover backup restore purge managecontacts " +
		"manageissuers getissuers listissuers setissuers deleteissuers"
)

// unknown is the first permission that does not exist; empty when all do.
func (p Permissions) unknown() string {
	for _, area := range []struct {
		given []string
		known string
	}{{p.Keys, KeyPermissions}, {p.Secrets, SecretPermissions}, {p.Certificates, CertificatePermissions}} {
		for _, one := range area.given {
			if !slices.Contains(strings.Fields(area.known), strings.ToLower(one)) {
				return one
			}
		}
	}
	return ""
}

// same reports whether two policies are for the same principal: what a client says of it twice is one policy.
func (p Policy) same(other Policy) bool {
	return strings.EqualFold(p.ObjectID, other.ObjectID) && strings.EqualFold(p.TenantID, other.TenantID) &&
		strings.EqualFold(p.ApplicationID, other.ApplicationID)
}

// combine makes each area of one the result of do with the same area of another.
func (p Permissions) combine(other Permissions, do func(have, given []string) []string) Permissions {
	return Permissions{do(p.Keys, other.Keys), do(p.Secrets, other.Secrets), do(p.Certificates, other.Certificates), do(p.Storage, other.Storage)}
}

func (p Permissions) empty() bool {
	return len(p.Keys)+len(p.Secrets)+len(p.Certificates)+len(p.Storage) == 0
}

// join adds what is not there yet; without is what is left.
func join(have, given []string) []string {
	return append(slices.Clone(have), without(given, have)...)
}

func without(have, gone []string) []string {
	return slices.DeleteFunc(slices.Clone(have), func(one string) bool {
		return slices.ContainsFunc(gone, func(other string) bool { return strings.EqualFold(one, other) })
	})
}

// retention is how long what is deleted can be had back.
func (v Vault) retention() time.Duration {
	days := v.RetentionDays
	if days == 0 {
		days = usualRetention
	}
	return time.Duration(days) * 24 * time.Hour
}

const usualRetention = 90

func (v Vault) resource() wire.Resource {
	location := v.Location
	if location == "" {
		location = wire.Region
	}
	return wire.Resource{ID: v.ResourceID, Name: v.Name, Type: vaultType, Location: location, Tags: v.Tags}
}
