// Stands in for node's "events" and "url": an XML library of vtk.js asks for them when it loads,
// and is never called here.
class EventEmitter {}
module.exports = EventEmitter;
module.exports.EventEmitter = EventEmitter;
module.exports.URL = globalThis.URL;
