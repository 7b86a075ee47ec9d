package config

import (
	"encoding/json"
	"slices"

	"github.com/synclinehq/syncline/catalog"
)

// Schema returns the JSON Schema (draft 7, which editors read) of
// configurations with the catalogue's connectors, destinations and journals.
func Schema(c *catalog.Catalog) ([]byte, error) {
	single := pipelineSchema(c)
	properties := single["properties"].(object)
	for k, v := range map[string]any{
		"name":      object{"type": "string", "pattern": pipelineName.String(), "description": "the pipeline's name, by default its connector's; state in the destination goes by it"},
		"pipelines": object{"type": "object", "description": "pipelines by name", "minProperties": 1, "propertyNames": object{"pattern": pipelineName.String()}, "additionalProperties": object{"$ref": "#/definitions/pipeline"}},
	} {
		properties[k] = v
	}
	delete(single, "required")
	root := object{
		"$schema":     "http://json-schema.org/draft-07/schema#",
		"title":       "syncline.yaml",
		"description": "Configuration of Syncline: one pipeline, or several under pipelines.",
		"definitions": object{"pipeline": pipelineSchema(c)},
		"oneOf": []any{
			object{"required": []string{"source", "destination"}},
			object{"required": []string{"pipelines"}, "maxProperties": 1},
		},
	}
	for k, v := range single {
		root[k] = v
	}
	out, err := json.MarshalIndent(root, "", "  ")
	return append(out, '\n'), err
}

type object = map[string]any

func pipelineSchema(c *catalog.Catalog) object {
	var sources, destinations, journals, streams []any
	for _, con := range c.Connectors {
		sources = append(sources, partSchema("connector", con.Name, con.Help, con.Options))
		streams = append(streams, streamsSchema(&con))
	}
	for _, d := range c.Destinations {
		if !d.Soon {
			destinations = append(destinations, partSchema("type", d.Name, d.Help, d.Options))
		}
	}
	for _, j := range c.Journals {
		s := partSchema("type", j.Name, j.Help, j.Options)
		delete(s, "required")
		journals = append(journals, s)
	}
	properties := optionSchemas(catalog.PipelineOptions)
	properties["source"] = oneOf("where records come from", sources)
	properties["destination"] = oneOf("the database they land in", destinations)
	properties["journal"] = oneOf("the durable log between the two, by default a file in .syncline", journals)
	properties["streams"] = oneOf("what to pull, by default the connector's usual streams", streams)
	webhooks := closed(optionSchemas(catalog.WebhookOptions), required(catalog.WebhookOptions))
	webhooks["description"] = "receive webhooks, so that changes arrive in seconds"
	properties["webhooks"] = webhooks
	return closed(properties, []string{"source", "destination"})
}

func oneOf(description string, of []any) object {
	if len(of) == 1 {
		one := of[0].(object)
		if _, has := one["description"]; !has {
			one["description"] = description
		}
		return one
	}
	return object{"description": description, "oneOf": of}
}

func partSchema(kindKey, name, help string, o catalog.Options) object {
	properties := optionSchemas(o)
	properties[kindKey] = object{"const": name, "description": help}
	return closed(properties, append([]string{kindKey}, required(o)...))
}

func streamsSchema(con *catalog.Connector) object {
	names, err := con.StreamNames()
	name := object{"type": "string"}
	if err == nil {
		name["enum"] = names
	}
	properties := optionSchemas(con.StreamOptions)
	properties["name"] = name
	return object{"oneOf": []any{
		object{"const": "all"},
		object{"type": "array", "minItems": 1, "items": object{"anyOf": []any{name, closed(properties, []string{"name"})}}},
	}}
}

// closed is a mapping that has no other keys: a misspelt one is marked.
func closed(properties object, required []string) object {
	out := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		out["required"] = required
	}
	return out
}

func required(o catalog.Options) (names []string) {
	for i := range o {
		if o[i].Required {
			names = append(names, o[i].Name)
		}
	}
	return names
}

func optionSchemas(o catalog.Options) object {
	out := object{}
	for i := range o {
		out[o[i].Name] = optionSchema(&o[i])
	}
	return out
}

// reference is what may stand for any value.
var reference = object{"type": "string", "pattern": `\$\{(env|file):[^}]+\}`}

func optionSchema(o *catalog.Option) object {
	s := object{}
	switch o.Type {
	case catalog.Integer, catalog.Number:
		s["type"] = string(o.Type)
		s["minimum"] = o.Min
		if o.Max > 0 {
			s["maximum"] = o.Max
		}
	case catalog.Bool:
		s["type"] = "boolean"
	case catalog.Duration:
		s["type"] = "string"
		s["pattern"] = `^([0-9]+d)?([0-9.]+(h|m|s|ms|us|ns))*$`
	default:
		s["type"] = "string"
	}
	if len(o.Choices) > 0 {
		s["enum"] = o.ChoiceValues()
	}
	if o.Secret {
		s = object{"type": "string"}
	} else if s["type"] != "string" || s["pattern"] != nil || s["enum"] != nil {
		s = object{"anyOf": []any{s, reference}}
	}
	s["description"] = o.Help
	if o.Default != nil {
		s["default"] = o.Default
		if o.Type == catalog.Duration {
			s["default"] = o.DefaultText()
		}
	}
	if examples := examples(o); len(examples) > 0 {
		s["examples"] = examples
	}
	return s
}

func examples(o *catalog.Option) (out []string) {
	if o.Secret && o.Env != "" {
		out = append(out, "${env:"+o.Env+"}")
	}
	if o.Example != "" && !slices.Contains(out, o.Example) && !o.Secret {
		out = append(out, o.Example)
	}
	return out
}
