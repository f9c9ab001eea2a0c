// ProfileService: answers whoever has a token for it, and says who that is and who acts.
import { actors } from './service/feed.js'
import { serve } from './service/server.js'

serve([
  {
    path: /^\/profiles\/([A-Za-z0-9_-]{1,64})$/,
    scope: 'profiles:read',
    answer: (id, { claims }) => ({
      id,
      name: `User ${id}`,
      sub: claims.sub,
      client_id: claims.client_id,
      actors: actors(claims),
    }),
  },
])
