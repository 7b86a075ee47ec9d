// Package config reads syncline.yaml.
//
// [Load] turns the file into checked [catalog.Pipeline] values or into a list of
// problems, each with its line and column and, for a misspelt name, the name
// that was meant. What may stand in the file is not written here: it is the
// options declared in the catalogue, the same ones that make the command line
// and the JSON Schema ([Schema]).
//
// Secrets stand in the file as references, ${env:NAME} or ${file:PATH}. A
// secret written out is accepted with a warning and never printed.
package config
