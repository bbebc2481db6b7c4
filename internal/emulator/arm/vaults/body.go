package vaults

import (
	"slices"
	"time"

	"strongroom/internal/emulator/arm/wire"
)

// body is a vault as clients read it.
type body struct {
	wire.Resource
	Properties properties `json:"properties"`
	SystemData systemData `json:"systemData"`
}

type systemData struct {
	CreatedAt      time.Time `json:"createdAt"`
	LastModifiedAt time.Time `json:"lastModifiedAt"`
}

type sku struct {
	Family string `json:"family"`
	Name   string `json:"name"`
}

// properties are read and written. What is a pointer may be left out by a client, which means something else than zero.
type properties struct {
	TenantID          string    `json:"tenantId,omitempty"`
	SKU               *sku      `json:"sku,omitempty"`
	Policies          *[]Policy `json:"accessPolicies,omitempty"`
	RBAC              *bool     `json:"enableRbacAuthorization,omitempty"`
	SoftDelete        *bool     `json:"enableSoftDelete,omitempty"`
	RetentionDays     *int      `json:"softDeleteRetentionInDays,omitempty"`
	PurgeProtection   *bool     `json:"enablePurgeProtection,omitempty"`
	ForMachines       *bool     `json:"enabledForDeployment,omitempty"`
	ForDisks          *bool     `json:"enabledForDiskEncryption,omitempty"`
	ForTemplates      *bool     `json:"enabledForTemplateDeployment,omitempty"`
	Network           *Network  `json:"networkAcls,omitempty"`
	PublicAccess      string    `json:"publicNetworkAccess,omitempty"`
	CreateMode        string    `json:"createMode,omitempty"` // read only: "recover" has a deleted one back
	URI               string    `json:"vaultUri,omitempty"`
	ProvisioningState string    `json:"provisioningState,omitempty"`
}

func (s *Server) document(q wire.Request, e *entry) body {
	policies := slices.Clone(e.Policies)
	if policies == nil {
		policies = []Policy{}
	}
	kind, yes, days := "standard", true, e.RetentionDays
	if e.Premium {
		kind = "premium"
	}
	if days == 0 {
		days = usualRetention
	}
	p := properties{
		TenantID: e.TenantID, SKU: &sku{"A", kind}, Policies: &policies, RBAC: &e.RBAC, SoftDelete: &yes, RetentionDays: &days,
		ForMachines: &e.Deployment.Machines, ForDisks: &e.Deployment.Disks, ForTemplates: &e.Deployment.Templates,
		Network: e.Network, PublicAccess: e.PublicAccess, URI: s.config.Plane.URI(q.Host, e.Name), ProvisioningState: "Succeeded",
	}
	if p.PublicAccess == "" {
		p.PublicAccess = "Enabled"
		if e.Firewall && e.Network == nil {
			p.PublicAccess = "Disabled"
		}
	}
	if e.PurgeProtection { // Azure never says false
		p.PurgeProtection = &yes
	}
	return body{Resource: e.resource(), Properties: p, SystemData: systemData{e.made.UTC(), e.made.UTC()}}
}

// onto puts what a client gave over what there is.
func (p properties) onto(v Vault) Vault {
	set(&v.RBAC, p.RBAC)
	set(&v.Policies, p.Policies)
	set(&v.RetentionDays, p.RetentionDays)
	set(&v.PurgeProtection, p.PurgeProtection)
	set(&v.Deployment.Machines, p.ForMachines)
	set(&v.Deployment.Disks, p.ForDisks)
	set(&v.Deployment.Templates, p.ForTemplates)
	if p.TenantID != "" {
		v.TenantID = p.TenantID
	}
	if p.SKU != nil {
		v.Premium = p.SKU.Name == "premium"
	}
	if p.Network != nil || p.PublicAccess != "" {
		if p.Network != nil {
			v.Network = p.Network
		}
		if p.PublicAccess != "" {
			v.PublicAccess = p.PublicAccess
		}
		v.Firewall = v.Network.shut() || v.PublicAccess == "Disabled"
	}
	return v
}

func set[T any](field *T, given *T) {
	if given != nil {
		*field = *given
	}
}
