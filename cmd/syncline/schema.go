package main

import (
	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/config"
)

func (a *app) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "print the JSON Schema of syncline.yaml, for editors", Args: cobra.NoArgs,
		Example: "  syncline schema > syncline.schema.json",
		RunE: func(*cobra.Command, []string) error {
			schema, err := config.Schema(a.catalog)
			if err != nil {
				return err
			}
			_, err = a.out.Write(schema)
			return err
		},
	}
}
