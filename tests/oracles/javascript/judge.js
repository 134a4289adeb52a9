// Reads shapes (Turtle files named as arguments) and, from standard input, a JSON list of cases (Turtle each); prints a JSON list of verdicts.
import { readFileSync } from "node:fs";
import DataFactory from "@rdfjs/data-model/Factory.js";
import DatasetFactory from "@rdfjs/dataset/Factory.js";
import Environment from "@rdfjs/environment";
import NamespaceFactory from "@rdfjs/namespace/Factory.js";
import TermMapFactory from "@rdfjs/term-map/Factory.js";
import TermSetFactory from "@rdfjs/term-set/Factory.js";
import { Parser } from "n3";
import { Validator } from "shacl-engine";

const rdf = new Environment([DataFactory, DatasetFactory, NamespaceFactory, TermMapFactory, TermSetFactory]);
const parsed = (text) => rdf.dataset(new Parser({ factory: rdf }).parse(text));
const shapes = rdf.dataset();
for (const path of process.argv.slice(2)) for (const quad of parsed(readFileSync(path, "utf8"))) shapes.add(quad);
const validator = new Validator(shapes, { factory: rdf });
const verdicts = [];
for (const text of JSON.parse(readFileSync(0, "utf8"))) verdicts.push((await validator.validate({ dataset: parsed(text) })).conforms);
console.log(JSON.stringify(verdicts));
