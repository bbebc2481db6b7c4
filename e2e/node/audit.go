package node

import "path/filepath"

// auditPolicy has the API server write down what service accounts change: who, what and when, and no content.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Metadata
  userGroups: ["system:serviceaccounts"]
  verbs: [create, update, patch, delete, deletecollection]
`

func (n *Node) auditPolicyFile() string { return filepath.Join(n.dir, "audit.yaml") }

// AuditLog is the file to which the API server appends a line of JSON for every change that a service account makes,
// before it answers.
func (n *Node) AuditLog() string { return filepath.Join(n.dir, "logs", "audit.log") }
