// Storage that forgets nothing by itself. The stock in-memory one is a cache: it drops a device code the moment it
// expires, so that the server answers `invalid_grant` where RFC 8628 wants `expired_token`.

export function memoryAdapter() {
  const rows = new Map(); // "Model:id" -> payload
  const find = (model, wanted) =>
    [...rows].find(([key, payload]) => key.startsWith(`${model}:`) && wanted(payload))?.[1];

  class Adapter {
    constructor(model) {
      this.model = model;
    }

    async upsert(id, payload) {
      rows.set(`${this.model}:${id}`, payload);
    }

    async find(id) {
      return rows.get(`${this.model}:${id}`);
    }

    async findByUid(uid) {
      return find(this.model, (payload) => payload.uid === uid);
    }

    async findByUserCode(userCode) {
      return find(this.model, (payload) => payload.userCode === userCode);
    }

    async consume(id) {
      rows.get(`${this.model}:${id}`).consumed = Math.floor(Date.now() / 1000);
    }

    async destroy(id) {
      rows.delete(`${this.model}:${id}`);
    }

    async revokeByGrantId(grantId) {
      for (const [key, payload] of rows) {
        if (key.startsWith(`${this.model}:`) && payload.grantId === grantId) rows.delete(key);
      }
    }
  }

  // Would the server still take this (opaque) token?
  const isLive = (model, token) => {
    const payload = rows.get(`${model}:${token}`);
    return Boolean(payload) && !payload.consumed && payload.exp * 1000 > Date.now();
  };

  return { Adapter, isLive };
}
