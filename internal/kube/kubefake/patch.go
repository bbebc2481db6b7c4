package kubefake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

const jsonPatch = "application/json-patch+json"

// merged is a JSON merge patch: null takes away, objects are merged, everything else is replaced. A strategic one merges
// the lists whose elements have names, too.
func merged(standing, patch any, strategic bool) any {
	p, isObject := patch.(Object)
	if !isObject {
		return patch
	}
	result := Object{}
	if o, ok := standing.(Object); ok {
		result = deepCopy(o)
	}
	for key, value := range p {
		elements, isList := value.([]any)
		switch name := elementNames[key]; {
		case value == nil:
			delete(result, key)
		case strategic && isList && name != "":
			list, _ := result[key].([]any)
			result[key] = mergedList(list, elements, name)
		default:
			result[key] = merged(result[key], value, strategic)
		}
	}
	return result
}

// mergedList merges each element into the one of its name, or appends it.
func mergedList(standing, elements []any, name string) []any {
	list := slices.Clone(standing)
	for _, element := range elements {
		e, _ := element.(Object)
		at := slices.IndexFunc(list, func(other any) bool {
			o, _ := other.(Object)
			return same(o[name], e[name])
		})
		if at < 0 {
			list = append(list, element)
			continue
		}
		list[at] = merged(list[at], element, true)
	}
	return list
}

// patched carries out the steps of a JSON patch on an object. It knows the operations add, remove, replace and test, on
// fields of objects; the elements of lists nobody here patches.
func patched(o Object, steps []any) error {
	for _, s := range steps {
		step, _ := s.(Object)
		path := strings.Split(text(step["path"]), "/")
		if len(path) < 2 || path[0] != "" {
			return fmt.Errorf("no path: %v", step["path"])
		}
		at, last := o, field(path[len(path)-1])
		for _, name := range path[1 : len(path)-1] {
			inner, isObject := at[field(name)].(Object)
			if !isObject {
				return fmt.Errorf("%v leads nowhere", step["path"])
			}
			at = inner
		}
		if err := patchedField(at, last, text(step["op"]), step["value"]); err != nil {
			return err
		}
	}
	return nil
}

func patchedField(at Object, name, op string, value any) error {
	standing, found := at[name]
	switch {
	case op == "add", op == "replace" && found:
		at[name] = value
	case op == "remove" && found:
		delete(at, name)
	case op == "test" && found && same(standing, value):
	default:
		return fmt.Errorf("%s of %s is not possible", op, name)
	}
	return nil
}

// field is a step of a path with its escapes taken back.
func field(step string) string { return strings.NewReplacer("~1", "/", "~0", "~").Replace(step) }

// unfit is the refusal of a JSON patch that cannot be carried out on what stands there.
func unfit(q request, k *kind, err error) *status {
	details := about(q, k)
	details["causes"] = []any{Object{"reason": "UnexpectedServerResponse", "message": err.Error()}}
	return &status{code: http.StatusUnprocessableEntity, reason: "Invalid", message: "the server rejected our request due to an error in our request", details: details}
}
