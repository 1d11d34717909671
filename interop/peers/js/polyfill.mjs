// Some dependencies call it; Node.js has it from version 22 on. Imported first, before any of them is loaded.
Promise.withResolvers ??= () => {
  const it = {}
  it.promise = new Promise((resolve, reject) => Object.assign(it, { resolve, reject }))
  return it
}
