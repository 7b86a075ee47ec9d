// Package connectors holds the connector files that come with Syncline. Each is
// one YAML file in the language of package rest; to add a source, add a file
// and a function here.
package connectors

import (
	_ "embed"
	"sync"

	"github.com/synclinehq/syncline/source/rest"
)

//go:embed dodo.yaml
var dodoYAML []byte

// Dodo returns the connector of Dodo Payments. It is shared: do not change it.
var Dodo = sync.OnceValue(func() *rest.Connector { return mustLoad("dodo.yaml", dodoYAML) })

// mustLoad reads a built-in file, which the tests have proven correct.
func mustLoad(name string, text []byte) *rest.Connector {
	c, err := rest.Load(name, text)
	if err != nil {
		panic(err)
	}
	return c
}
