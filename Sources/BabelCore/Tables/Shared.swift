/// A large value that changes rarely, held once however often what it belongs to is copied.
///
/// Rows of tables are read all the time, and reading a row can mean copying it. This makes the copy
/// small. The value itself never changes, so a shared one is as good as a copy.
final class Shared<Value: Sendable>: Sendable {
  let value: Value

  init(_ value: Value) { self.value = value }
}
