// Package api holds the OpenAPI document of the HTTP API, written by hand. internal/control/api implements and serves it;
// the dashboard's types are generated from it.
package api

import _ "embed"

// YAML is the document as it stands in the repository. It must not be changed.
//
//go:embed openapi.yaml
var YAML []byte
